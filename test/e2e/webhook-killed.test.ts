import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { picture } from '../support/service/client.ts';
import { until } from '../support/service/kiln-process.ts';
import { type PartsApart, startPartsApart } from '../support/service/parts-apart.ts';

/** A receiver during whose first answer something happens: that one never gets through. */
async function receiverThat(strikes: () => void) {
  const received: { id: string; body: string; headers: Record<string, string> }[] = [];
  const server = createServer(async (request, response) => {
    const headers = request.headers as Record<string, string>;
    received.push({ id: String(headers['webhook-id']), body: await text(request), headers });
    if (received.length > 1) response.end('ok');
    else strikes();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    received,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => server.closeAllConnections() ?? server.close(),
  };
}

describe.skipIf(process.platform !== 'linux')('a sender killed -9 after the POST', () => {
  // By a workflow, as the server leaves it to a worker; or by the worker that has converted something. Each mostly
  // waits until its sender is missed, so they wait side by side.
  it.concurrent.each(['workflow', 'dispatcher'] as const)(
    'by the %s, before the answer is stored: the message comes again, under the same id',
    async (by) => {
      const parts = await startPartsApart(`webhook-killed-${by}`);
      await comesAgain(parts, by).finally(() => parts.stop());
    },
  );
});

async function comesAgain(parts: PartsApart, by: 'workflow' | 'dispatcher'): Promise<void> {
  const server = await parts.launch('server');
  const url = /at (http\S+)/.exec(server.output)?.[1] ?? '';
  const ask = async (credential: Record<string, string>, query: string, variables: object = {}) => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...credential },
      body: JSON.stringify({ query, variables }),
    });
    return (await answer.json()).data;
  };
  const admin = { authorization: `Bearer ${parts.adminToken}` };
  const { createAccount } = await ask(
    admin,
    'mutation { createAccount(name: "A", plan: "pro") { ... on AccountSuccess { account { accountId } } } }',
  );
  const { createApiKey } = await ask(
    admin,
    `mutation ($id: ID!) { createApiKey(input: { accountId: $id, name: "K" }) { ... on ApiKeySecrets { apiKey } } }`,
    { id: createAccount.account.accountId },
  );
  const owner = { 'x-api-key': createApiKey.apiKey };
  const newEndpoint = async (address: string, event: string) => {
    const { createWebhookEndpoint } = await ask(
      owner,
      `mutation ($url: String!, $event: String!) { createWebhookEndpoint(input: { url: $url, events: [$event] }) {
        ... on WebhookEndpointSecrets { secret endpoint { endpointId } } } }`,
      { url: address, event },
    );
    return createWebhookEndpoint as { secret: string; endpoint: { endpointId: string } };
  };

  const worker = await parts.launch('worker');
  const receiver = await receiverThat(() => process.kill(worker.pid, 'SIGKILL'));
  const { secret, endpoint } = await newEndpoint(receiver.url, by === 'workflow' ? 'batch.*' : 'job.ready');
  const began = performance.now();
  if (by === 'workflow')
    await ask(owner, `mutation ($id: ID!) { testWebhookEndpoint(id: $id) { __typename } }`, {
      id: endpoint.endpointId,
    });
  else await convertOne((query, variables) => ask(owner, query, variables));
  await until(() => receiver.received.length === 1, 30_000);
  await parts.launch('worker');
  await until(() => receiver.received.length === 2, 120_000);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`killed sender, by the ${by}: came again after ${seconds} s`);
  const [first, second] = receiver.received;
  expect(second?.id).toBe(first?.id);
  expect(second?.body).toBe(first?.body);
  for (const { body, headers } of receiver.received)
    expect(new Webhook(secret).verify(body, headers)).toBeTruthy();
  await until(async () => {
    const { webhookDeliveries } = await ask(
      owner,
      `query ($id: ID) { webhookDeliveries(endpointId: $id) { edges { node { state attempts { number status } } } } }`,
      { id: endpoint.endpointId },
    );
    const [edge] = webhookDeliveries.edges;
    return edge.node.state === 'DELIVERED' && edge.node.attempts.length === 1;
  }, 30_000);
  receiver.close();
  parts.endWorkers();
}

async function convertOne(ask: (query: string, variables: object) => Promise<unknown>) {
  const bytes = await picture(16, 16);
  const input = { upload: { filename: 'a.png', mime: 'image/png', size: bytes.length }, target: 'webp' };
  const { createJob } = (await ask(
    `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on CreateJobSuccess { job { jobId } upload { url } } } }`,
    { input },
  )) as { createJob: { job: { jobId: string }; upload: { url: string } } };
  await fetch(createJob.upload.url, { method: 'PUT', body: Uint8Array.from(bytes) });
  await ask(`mutation ($id: ID!) { completeJob(id: $id) { __typename } }`, { id: createJob.job.jobId });
}
