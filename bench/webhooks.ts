import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGraphqlClient } from '../src/cli/service-client/graphql-client.ts';
import { mutate } from '../src/cli/service-client/mutation.ts';
import { newId } from '../src/domain/id.ts';
import { newDelivery } from '../src/domain/webhooks/new-delivery.ts';
import { connectMongo } from '../src/store/mongo/mongo.ts';
import type { Bench } from './bench.ts';
import { cpuMs } from './process-tree.ts';
import { measureRate } from './statistics.ts';

const IN_FLIGHT = 32;
const BARE_MS = 4000;
const DELIVERIES = 2000;
const WARM_UP = 300;
const POLL_MS = 50;
/** About as long as the message of a job that became ready. */
const BODY = JSON.stringify({ type: 'job.ready', data: { id: newId(), text: 'x'.repeat(700) } });
/** The share of a bare loop's rate that deliveries should reach. */
const TARGET_SHARE = 0.05;

const CREATE = `mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) {
  ... on WebhookEndpointSecrets { endpoint { endpointId } } ... on Error { code message hint } } }`;
const REPLAY = `mutation ($input: ReplayWebhookDeliveriesInput!) { replayWebhookDeliveries(input: $input) {
  ... on ReplayWebhookDeliveriesSuccess { replayed next } ... on Error { code message hint } } }`;

/** Measures what it costs that no message is lost. */
export const bench: Bench = {
  name: 'webhooks',
  about: `deliveries per second, each signed, sent and with its attempt on record; ${DELIVERIES} to one receiver`,

  async run({ kiln, folder }) {
    const receiver = fork(join(import.meta.dirname, 'receiver.ts'));
    const [port] = await once(receiver, 'message');
    const { mongoUri } = JSON.parse(await readFile(join(folder, 'data', 'run.json'), 'utf8'));
    const mongo = await connectMongo(mongoUri);
    const { deliveries } = mongo.collections;
    const graphql = createGraphqlClient(kiln);
    const url = `http://127.0.0.1:${port}/hook`;
    const made = await mutate<{ endpoint: { endpointId: string } }>(
      graphql,
      'createWebhookEndpoint',
      CREATE,
      { input: { url, events: ['job.*'] } },
    );
    const { endpointId } = made.endpoint;
    const { account } = JSON.parse(await readFile(join(folder, 'data', 'credentials.json'), 'utf8'));

    /** Sends deliveries that are stored already, so that only the sending is measured. */
    async function send(count: number): Promise<number> {
      const since = new Date();
      await deliveries.insertMany(
        Array.from({ length: count }, () =>
          newDelivery({
            _id: newId(),
            owner: `account:${account}`,
            endpointId,
            subjectId: newId(),
            profile: 'standard',
            event: 'job.ready',
            url,
            sealedSecret: null,
            body: BODY,
            begun: true,
            state: 'failed',
          }),
        ),
      );
      const began = performance.now();
      for (let after: string | null | undefined; after !== null; ) {
        const input = { endpointId, since: since.toISOString(), after };
        ({ next: after } = await mutate<{ next: string | null }>(graphql, 'replayWebhookDeliveries', REPLAY, {
          input,
        }));
      }
      while (
        (await deliveries.countDocuments({ endpointId, state: 'delivered', createdAt: { $gte: since } })) <
        count
      )
        await sleep(POLL_MS);
      return count / ((performance.now() - began) / 1000);
    }

    const bare = await bareRate(port);
    await send(WARM_UP);
    const before = cpuMs(kiln.pid);
    const rate = await send(DELIVERIES);
    const each = ((cpuMs(kiln.pid) - before) / DELIVERIES).toFixed(1);
    await graphql.close();
    await mongo.close();
    receiver.disconnect();
    return [
      {
        what: 'deliveries, persisted with their attempt',
        figure: rate,
        unit: '/s',
        target: { atLeast: Math.round(bare * TARGET_SHARE) },
        bare: { what: `bare keep-alive POSTs, ${IN_FLIGHT} in flight`, figure: bare },
        note: `${each} CPU-ms each, Temporal and database included`,
      },
    ];
  },
};

async function bareRate(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) };
  const post = async () => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/hook', method: 'POST', agent, headers });
    outgoing.end(BODY);
    const [response] = await once(outgoing, 'response');
    await once(response.resume(), 'end');
  };
  const { rate } = await measureRate(IN_FLIGHT, BARE_MS, post);
  agent.destroy();
  return rate;
}
