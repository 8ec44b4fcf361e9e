import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyScope } from '../../../src/domain/access/account.ts';
import { newId } from '../../../src/domain/id.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { anAccountCaller } from '../../support/records.ts';
import { openReceiver } from '../../support/servers/webhook-receiver.ts';
import { createApi } from '../client.ts';
import { ALICE, createService } from '../service.ts';

const LINK = 'https://kiln.example/d/a-signed-link';

let harness: ActivityHarness;
beforeAll(async () => {
  harness = await createActivityHarness();
});
afterAll(() => harness.close());

/** The API as it is to a key of Alice that has these scopes. */
function apiOf(...scopes: KeyScope[]) {
  const caller = anAccountCaller({ accountId: ALICE, scopes });
  return createApi({
    ...createService().operations,
    ...harness.webhooks.operations,
    authenticate: async () => caller,
  });
}

const SHOWN = 'deliveryId event body attempts { responseHead status }';
const EVERY_WAY = `query ($id: ID!, $node: ID!) {
  webhookDelivery(id: $id) { ${SHOWN} }
  node(id: $node) { ... on WebhookDelivery { ${SHOWN} } }
  webhookDeliveries(first: 5) { edges { node { ${SHOWN} } } }
}`;
const REPLAY = `mutation ($id: ID!) {
  replayWebhookDelivery(id: $id) { ... on WebhookDeliverySuccess { delivery { ${SHOWN} } } ... on Error { code } }
}`;

/** A delivery that leads to a result, to a receiver that repeats what it was sent. */
async function deliver() {
  const receiver = await openReceiver({ status: 200, body: LINK });
  const actor = anAccountCaller({ accountId: ALICE });
  await harness.webhooks.operations.createEndpoint(actor, {
    url: receiver.url,
    events: ['job.ready'],
    description: '',
  });
  await harness.emit({
    owner: `account:${ALICE}`,
    type: 'job.ready',
    subjectId: newId(),
    data: { outputs: [{ downloadUrl: LINK }] },
  });
  const [delivery] = await harness.webhooks.operations.listDeliveries(actor, { limit: 1 });
  const deliveryId = delivery?._id ?? '';
  await harness.run('attemptDelivery', { deliveryId, attempt: 1, holds: 0 });
  await receiver.close();
  return { id: deliveryId, node: Buffer.from(`WebhookDelivery:${deliveryId}`).toString('base64') };
}

describe('what a delivery says of results', () => {
  it.each([[['read']], [['convert', 'manage']], [['read', 'manage']]] as [KeyScope[]][])(
    'is shown to a key that may %j',
    async (scopes) => {
      const { data } = await apiOf(...scopes).ask(EVERY_WAY, await deliver());
      for (const shown of [data.webhookDelivery, data.node, data.webhookDeliveries.edges[0].node]) {
        expect(shown.body).toContain(LINK);
        expect(shown.attempts).toEqual([{ responseHead: LINK, status: 200 }]);
      }
    },
  );

  it('is not shown to a key that may only manage, which may send it again', async () => {
    const ids = await deliver();
    const api = apiOf('manage');
    const { data } = await api.ask(EVERY_WAY, ids);
    const replayed = await api.ask(REPLAY, ids);
    const every = [
      data.webhookDelivery,
      data.node,
      data.webhookDeliveries.edges[0].node,
      replayed.data.replayWebhookDelivery.delivery,
    ];
    for (const shown of every)
      expect(shown).toMatchObject({
        event: 'job.ready',
        body: null,
        attempts: [{ responseHead: null, status: 200 }],
      });
    expect(JSON.stringify([data, replayed])).not.toContain(LINK);
  });
});

it('no key that may only manage lets itself be told of results', async () => {
  const api = apiOf('manage');
  const refusal = '... on ForbiddenError { code hint }';
  const made = await api.ask(
    `mutation { createWebhookEndpoint(input: { url: "https://me.example/" }) { ${refusal} } }`,
  );
  expect(made.data.createWebhookEndpoint).toMatchObject({ code: 'FORBIDDEN' });
  const actor = anAccountCaller({ accountId: ALICE });
  const request = { url: 'https://receiver.example/', events: ['job.failed'], description: '' };
  const { endpoint } = await harness.webhooks.operations.createEndpoint(actor, request);
  for (const input of ['{ url: "https://me.example/" }', '{ events: ["*"] }']) {
    const { data } = await api.ask(
      `mutation { updateWebhookEndpoint(id: "${endpoint._id}", input: ${input}) { ${refusal} } }`,
    );
    expect(data.updateWebhookEndpoint).toMatchObject({ code: 'FORBIDDEN' });
  }
  expect(await harness.webhooks.operations.findEndpoint(actor, endpoint._id)).toMatchObject(request);
});
