import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { createApi } from '../client.ts';
import { ALICE, BOB, createService } from '../service.ts';

const REFUSAL = '... on Error { __typename code message field hint }';
const ENDPOINT =
  'id endpointId url events description state disabledFor circuit { state failures } secrets { until }';
const asBob = { 'X-API-Key': BOB };

let harness: ActivityHarness;
let api: ReturnType<typeof createApi>;
beforeAll(async () => {
  harness = await createActivityHarness();
});
beforeEach(async () => {
  api = createApi({ ...createService().operations, ...harness.webhooks.operations });
  await harness.collections.endpoints.deleteMany({});
  await harness.collections.deliveries.deleteMany({});
});
afterAll(() => harness.close());

async function create(input: object, headers?: Record<string, string>) {
  const query = `mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) {
    ... on WebhookEndpointSecrets { secret endpoint { ${ENDPOINT} } } ${REFUSAL} } }`;
  return (await api.ask(query, { input }, headers)).data.createWebhookEndpoint;
}

const change = async (mutation: string, success: string, headers?: Record<string, string>) =>
  (await api.ask(`mutation { it: ${mutation} { ... on ${success} ${REFUSAL} } }`, {}, headers)).data.it;

const endpointSuccess = `WebhookEndpointSuccess { endpoint { ${ENDPOINT} } }`;
const deliverySuccess = 'WebhookDeliverySuccess { delivery { deliveryId state event attempts { number } } }';

describe('webhook endpoints in GraphQL', () => {
  it('are made, shown once with their secret, changed, paused, resumed and deleted', async () => {
    const { secret, endpoint } = await create({ url: 'https://receiver.example/hook' });
    expect(secret).toMatch(/^whsec_/);
    expect(endpoint).toMatchObject({
      events: ['*'],
      state: 'ENABLED',
      disabledFor: null,
      circuit: { state: 'CLOSED', failures: 0 },
      secrets: [{ until: null }],
    });
    const { id, endpointId } = endpoint;
    const edited = await change(
      `updateWebhookEndpoint(id: "${id}", input: { events: ["job.*"], description: "CI" })`,
      endpointSuccess,
    );
    expect(edited.endpoint).toMatchObject({ endpointId, events: ['job.*'], description: 'CI' });
    const rotated = await change(
      `rotateWebhookSecret(id: "${endpointId}")`,
      'WebhookEndpointSecrets { secret endpoint { secrets { until } } }',
    );
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.endpoint.secrets).toEqual([{ until: null }, { until: expect.any(String) }]);
    const paused = await change(`pauseWebhookEndpoint(id: "${id}")`, endpointSuccess);
    expect(paused.endpoint.state).toBe('PAUSED');
    const test = await change(`testWebhookEndpoint(id: "${id}")`, deliverySuccess);
    expect(test).toMatchObject({ code: 'WRONG_STATE', hint: 'Resume it first.' });
    const resumed = await change(`resumeWebhookEndpoint(id: "${id}")`, endpointSuccess);
    expect(resumed.endpoint.state).toBe('ENABLED');
    const { data } = await api.ask(
      `query ($id: ID!) { node(id: $id) { ... on WebhookEndpoint { endpointId } } webhookEndpoints { endpointId } webhookEndpoint(id: $id) { url } }`,
      { id },
    );
    expect(data).toEqual({
      node: { endpointId },
      webhookEndpoints: [{ endpointId }],
      webhookEndpoint: { url: 'https://receiver.example/hook' },
    });
    await change(`deleteWebhookEndpoint(id: "${id}")`, endpointSuccess);
    expect((await api.ask('{ webhookEndpoints { endpointId } }')).data.webhookEndpoints).toEqual([]);
  });

  it('say what is wrong, in the field that it is about', async () => {
    expect(await create({ url: 'http://10.1.2.3/' })).toMatchObject({
      __typename: 'InvalidInputError',
      code: 'BLOCKED_ADDRESS',
      field: 'url',
    });
    expect(await create({ url: 'https://receiver.example/', events: ['job.done'] })).toMatchObject({
      code: 'INVALID_INPUT',
      message: '"job.done" is no event.',
      field: 'events',
      hint: expect.stringContaining('job.ready'),
    });
    expect(await create({ url: 'https://receiver.example/' }, {})).toMatchObject({
      __typename: 'ForbiddenError',
      code: 'UNAUTHENTICATED',
    });
    expect(await change('pauseWebhookEndpoint(id: "x")', endpointSuccess)).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'id',
    });
  });

  it('of somebody else do not exist', async () => {
    const { endpoint } = await create({ url: 'https://receiver.example/' });
    const sent = await change(`testWebhookEndpoint(id: "${endpoint.id}")`, deliverySuccess);
    for (const mutation of ['pause', 'resume', 'delete', 'test'].map(
      (verb) => `${verb}WebhookEndpoint(id: "${endpoint.id}")`,
    ))
      expect(await change(mutation, 'NotFoundError { code }', asBob)).toMatchObject({ code: 'NOT_FOUND' });
    const replay = `replayWebhookDelivery(id: "${sent.delivery.deliveryId}")`;
    expect(await change(replay, 'NotFoundError { code }', asBob)).toMatchObject({ code: 'NOT_FOUND' });
    const { data } = await api.ask(
      `query ($id: ID!) { node(id: $id) { id } webhookEndpoints { id } webhookDeliveries { edges { cursor } } }`,
      { id: endpoint.id },
      asBob,
    );
    expect(data).toEqual({ node: null, webhookEndpoints: [], webhookDeliveries: { edges: [] } });
  });
});

describe('webhook deliveries in GraphQL', () => {
  const page = async (args: string) => {
    const query = `{ webhookDeliveries(${args}) { edges { cursor node { deliveryId event } } pageInfo { hasNextPage hasPreviousPage } } }`;
    const { edges, pageInfo } = (await api.ask(query)).data.webhookDeliveries;
    return { subjects: edges.map(({ node }: { node: { event: string } }) => node.event), edges, pageInfo };
  };

  it('are listed newest first, in pages, and by what they are about', async () => {
    const { endpoint } = await create({ url: 'https://receiver.example/' });
    const jobId = newId();
    const events = ['job.created', 'file.uploaded', 'batch.finished', 'job.ready'] as const;
    for (const type of events) {
      const subjectId = type.startsWith('job.') ? jobId : newId();
      await harness.emit({ owner: `account:${ALICE}`, type, subjectId, data: {} });
    }
    const first = await page('first: 3');
    expect(first.subjects).toEqual(events.toReversed().slice(0, 3));
    expect(first.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
    const rest = await page(`first: 3, after: "${first.edges.at(-1).cursor}"`);
    expect(rest.subjects).toEqual(['job.created']);
    expect(rest.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
    const up = await page(`last: 2, before: "${rest.edges[0].cursor}"`);
    expect(up.subjects).toEqual(['batch.finished', 'file.uploaded']);
    expect((await page(`jobId: "${jobId}"`)).subjects).toEqual(['job.ready', 'job.created']);
    expect((await page(`endpointId: "${endpoint.id}", state: PENDING`)).subjects).toHaveLength(4);
    expect((await page(`endpointId: "${newId()}"`)).subjects).toEqual([]);
    expect((await page('state: DELIVERED')).subjects).toEqual([]);
  });

  it('are replayed since a moment that is one', async () => {
    const replay = (since: string) =>
      api.ask(
        `mutation ($since: DateTime!) { replayWebhookDeliveries(input: { since: $since }) {
          ... on ReplayWebhookDeliveriesSuccess { replayed left next } ${REFUSAL} } }`,
        { since },
      );
    expect((await replay('2026-01-01T00:00:00+01:00')).data.replayWebhookDeliveries).toEqual({
      replayed: 0,
      left: 0,
      next: null,
    });
    for (const wrong of ['yesterday', '2026-01-01', '2026-13-01T00:00:00Z', '2026-01-01T00:00:00'])
      expect((await replay(wrong)).errors?.[0]?.message).toContain('A DateTime must be a moment');
  });
});
