import { type AdminOptions, findAdminService, findService } from '../../service-client/find-service.ts';
import { createGraphqlClient, type GraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { renderTable } from '../../terminal/terminal.ts';

/** Options of every webhook command. With `account` the admin token is used, without it the caller's key. */
export type WebhookOptions = AdminOptions & { account?: string; json?: boolean };

interface EndpointView {
  endpointId: string;
  url: string;
  events: string[];
  description: string;
  state: string;
  disabledFor: string | null;
  circuit: { state: string; failures: number; failingSince: string | null; nextProbeAt: string | null };
  secrets: { since: string; until: string | null }[];
  createdAt: string;
}

interface SecretsView {
  endpoint: EndpointView;
  secret: string;
}

const ENDPOINT = `endpointId url events description state disabledFor
  circuit { state failures failingSince nextProbeAt } secrets { since until } createdAt`;
const SECRETS = `{ ... on WebhookEndpointSecrets { endpoint { ${ENDPOINT} } secret } ${REFUSAL} }`;
const SUCCESS = `{ ... on WebhookEndpointSuccess { endpoint { ${ENDPOINT} } } ${REFUSAL} }`;
const LIST = `query Endpoints($id: ID) { webhookEndpoints(accountId: $id) { ${ENDPOINT} } }`;
const CREATE = `mutation Create($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) ${SECRETS} }`;
const UPDATE = `mutation Update($id: ID!, $input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(id: $id, input: $input) ${SUCCESS} }`;
const ROTATE = `mutation Rotate($id: ID!) { rotateWebhookSecret(id: $id) ${SECRETS} }`;
const change = (field: string) => `mutation Change($id: ID!) { ${field}(id: $id) ${SUCCESS} }`;

const COLUMNS = ['endpoint', 'url', 'events', 'state', 'circuit', 'description'].map((title) => ({ title }));

/** `kiln webhooks list`: prints the endpoints, oldest first. */
export async function listEndpoints(options: WebhookOptions): Promise<void> {
  const { webhookEndpoints } = await withService(options, (graphql) =>
    graphql.request<{ webhookEndpoints: EndpointView[] }>(LIST, { id: options.account }),
  );
  if (options.json) printJson(webhookEndpoints);
  else show(webhookEndpoints);
}

/** `kiln webhooks create`: makes an endpoint and prints its secret, this once. */
export async function createEndpoint(
  url: string,
  { event, description, ...options }: WebhookOptions & { event: string[]; description?: string },
): Promise<void> {
  const input = {
    accountId: options.account,
    url,
    description,
    ...(event.length > 0 && { events: event }),
  };
  const made = await withService(options, (graphql) =>
    mutate<SecretsView>(graphql, 'createWebhookEndpoint', CREATE, { input }),
  );
  showSecret(made, options);
}

/** `kiln webhooks update`: changes what is given. @throws CommandError when nothing is. */
export async function updateEndpoint(
  id: string,
  {
    newUrl,
    event,
    description,
    ...options
  }: WebhookOptions & { newUrl?: string; event: string[]; description?: string },
): Promise<void> {
  const input = { url: newUrl, description, ...(event.length > 0 && { events: event }) };
  if (Object.values(input).every((value) => value === undefined))
    throw new CommandError('There is nothing to change.', {
      hint: 'Give --new-url, --event or --description.',
    });
  const { endpoint } = await withService(options, (graphql) =>
    mutate<{ endpoint: EndpointView }>(graphql, 'updateWebhookEndpoint', UPDATE, { id, input }),
  );
  showOne(endpoint, options);
}

/** `kiln webhooks rotate`: makes a new secret and prints it, this once. */
export async function rotateSecret(id: string, options: WebhookOptions): Promise<void> {
  const rotated = await withService(options, (graphql) =>
    mutate<SecretsView>(graphql, 'rotateWebhookSecret', ROTATE, { id }),
  );
  showSecret(rotated, options);
}

/** `kiln webhooks pause`, `resume` and `delete`: changes the state of an endpoint and prints it. */
export async function changeEndpoint(
  field: 'pauseWebhookEndpoint' | 'resumeWebhookEndpoint' | 'deleteWebhookEndpoint',
  id: string,
  options: WebhookOptions,
): Promise<void> {
  const { endpoint } = await withService(options, (graphql) =>
    mutate<{ endpoint: EndpointView }>(graphql, field, change(field), { id }),
  );
  if (options.json || field !== 'deleteWebhookEndpoint') showOne(endpoint, options);
  else print(`Nothing more is sent to ${endpoint.url}.\n`);
}

/** Runs `work` with a client of the service: the operator's if an account is named, else the caller's own. */
export async function withService<T>(
  { account, ...options }: WebhookOptions,
  work: (graphql: GraphqlClient) => Promise<T>,
): Promise<T> {
  const service = account === undefined ? await findService(options) : await findAdminService(options);
  const graphql = createGraphqlClient(service);
  try {
    return await work(graphql);
  } finally {
    await graphql.close();
  }
}

function showSecret({ endpoint, secret }: SecretsView, { json }: WebhookOptions): void {
  if (json) {
    printJson({ ...endpoint, secret });
    return;
  }
  const rows = [
    ['endpoint', endpoint.endpointId],
    ['url', endpoint.url],
    ['events', endpoint.events.join(' ')],
    ['secret', secret],
  ];
  const table = renderTable([{ title: 'what' }, { title: 'value' }], rows);
  print(`${table}\n\nKeep the secret now: it cannot be shown again.\n`);
}

function showOne(endpoint: EndpointView, { json }: WebhookOptions): void {
  if (json) printJson(endpoint);
  else show([endpoint]);
}

function show(endpoints: readonly EndpointView[]): void {
  const rows = endpoints.map(({ endpointId, url, events, state, disabledFor, circuit, description }) => [
    endpointId,
    url,
    events.join(' '),
    [state, disabledFor].filter(Boolean).join(': ').toLowerCase(),
    circuit.failures > 0
      ? `${circuit.state.toLowerCase()}, ${circuit.failures} failed`
      : circuit.state.toLowerCase(),
    description,
  ]);
  print(`${renderTable(COLUMNS, rows)}\n`);
}
