import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { formatDuration, renderTable } from '../../terminal/terminal.ts';
import { type WebhookOptions, withService } from './webhooks.ts';

interface AttemptView {
  number: number;
  at: string;
  durationMs: number;
  status: number | null;
  networkError: string | null;
  responseHead: string | null;
}

interface DeliveryView {
  deliveryId: string;
  endpointId: string | null;
  jobId: string | null;
  event: string;
  url: string;
  state: string;
  hold: string | null;
  attempts: AttemptView[];
  nextAttemptAt: string | null;
  createdAt: string;
  body?: string | null;
}

interface ReplayView {
  replayed: number;
  left: number;
  next: string | null;
}

const DELIVERY = `deliveryId endpointId jobId event url state hold nextAttemptAt createdAt
  attempts { number at durationMs status networkError responseHead }`;
const LIST = `query Deliveries($id: ID, $endpoint: ID, $job: ID, $state: WebhookDeliveryState, $first: Int!) {
  webhookDeliveries(accountId: $id, endpointId: $endpoint, jobId: $job, state: $state, first: $first) {
    edges { node { ${DELIVERY} } }
  }
}`;
const ONE = `query Delivery($id: ID!) { webhookDelivery(id: $id) { ${DELIVERY} body } }`;
const SUCCESS = `{ ... on WebhookDeliverySuccess { delivery { ${DELIVERY} } } ${REFUSAL} }`;
const TEST = `mutation Test($id: ID!) { testWebhookEndpoint(id: $id) ${SUCCESS} }`;
const REPLAY = `mutation Replay($id: ID!) { replayWebhookDelivery(id: $id) ${SUCCESS} }`;
const REPLAY_ALL = `mutation ReplayAll($input: ReplayWebhookDeliveriesInput!) {
  replayWebhookDeliveries(input: $input) {
    ... on ReplayWebhookDeliveriesSuccess { replayed left next } ${REFUSAL}
  }
}`;

const right = (title: string) => ({ title, align: 'right' as const });
const COLUMNS = [
  ...['delivery', 'event', 'made', 'state'].map((title) => ({ title })),
  right('attempts'),
  ...['last answer', 'next attempt'].map((title) => ({ title })),
];
const ATTEMPT_COLUMNS = [
  right('no.'),
  { title: 'at' },
  right('took'),
  { title: 'answer' },
  { title: 'begins' },
];
/** Characters of an answer that a table shows. */
const SHOWN_HEAD = 60;

/** `kiln webhooks deliveries`: prints the latest ones, newest first. */
export async function listDeliveries({
  endpoint,
  job,
  state,
  limit,
  ...options
}: WebhookOptions & { endpoint?: string; job?: string; state?: string; limit: number }): Promise<void> {
  const variables = { id: options.account, endpoint, job, state: state?.toUpperCase(), first: limit };
  const { webhookDeliveries } = await withService(options, (graphql) =>
    graphql.request<{ webhookDeliveries: { edges: { node: DeliveryView }[] } }>(LIST, variables),
  );
  const deliveries = webhookDeliveries.edges.map(({ node }) => node);
  if (options.json) printJson(deliveries);
  else print(`${renderTable(COLUMNS, deliveries.map(cellsOf))}\n`);
}

/** `kiln webhooks delivery`: prints one with its attempts and its body. */
export async function showDelivery(id: string, options: WebhookOptions): Promise<void> {
  const { webhookDelivery: delivery } = await withService(options, (graphql) =>
    graphql.request<{ webhookDelivery: DeliveryView }>(ONE, { id }),
  );
  if (options.json) {
    printJson(delivery);
    return;
  }
  const attempts = delivery.attempts.map(({ number, at, durationMs, status, networkError, responseHead }) => [
    String(number),
    at,
    formatDuration(durationMs),
    answerOf({ status, networkError }),
    (responseHead ?? '').replaceAll(/\s+/g, ' ').slice(0, SHOWN_HEAD),
  ]);
  print(
    `${renderTable(COLUMNS, [cellsOf(delivery)])}\n\n${renderTable(ATTEMPT_COLUMNS, attempts)}\n\n${delivery.url}\n${delivery.body ?? '(the body is not shown to this key)'}\n`,
  );
}

/** `kiln webhooks test`: sends an endpoint the event `endpoint.test` and prints the delivery. */
export async function testEndpoint(id: string, options: WebhookOptions): Promise<void> {
  await sendOne('testWebhookEndpoint', TEST, id, options);
}

/** `kiln webhooks replay`: sends one delivery again, or every ended one of a time, page by page. */
export async function replay(
  id: string | undefined,
  {
    since,
    until,
    endpoint,
    failed,
    ...options
  }: WebhookOptions & { since?: string; until?: string; endpoint?: string; failed?: boolean },
): Promise<void> {
  if (id !== undefined) return sendOne('replayWebhookDelivery', REPLAY, id, options);
  const input = {
    accountId: options.account,
    endpointId: endpoint,
    since,
    until,
    failedOnly: failed === true,
  };
  const sum: ReplayView = { replayed: 0, left: 0, next: null };
  await withService(options, async (graphql) => {
    do {
      const page: ReplayView = await mutate<ReplayView>(graphql, 'replayWebhookDeliveries', REPLAY_ALL, {
        input: { ...input, after: sum.next },
      });
      sum.replayed += page.replayed;
      sum.left += page.left;
      sum.next = page.next;
    } while (sum.next !== null);
  });
  const { replayed, left } = sum;
  if (options.json) printJson({ replayed, left });
  else
    print(
      `${replayed} deliveries are being sent again; ${left} were pending already or have no enabled endpoint.\n`,
    );
}

async function sendOne(field: string, document: string, id: string, options: WebhookOptions): Promise<void> {
  const { delivery } = await withService(options, (graphql) =>
    mutate<{ delivery: DeliveryView }>(graphql, field, document, { id }),
  );
  if (options.json) printJson(delivery);
  else print(`${renderTable(COLUMNS, [cellsOf(delivery)])}\n`);
}

function cellsOf({
  deliveryId,
  event,
  createdAt,
  state,
  hold,
  attempts,
  nextAttemptAt,
}: DeliveryView): string[] {
  const last = attempts.at(-1);
  return [
    deliveryId,
    event,
    createdAt,
    [state, hold].filter(Boolean).join(': ').toLowerCase(),
    String(last?.number ?? 0),
    last ? answerOf(last) : '',
    nextAttemptAt ?? '',
  ];
}

function answerOf({ status, networkError }: Pick<AttemptView, 'status' | 'networkError'>): string {
  return networkError?.toLowerCase() ?? String(status);
}
