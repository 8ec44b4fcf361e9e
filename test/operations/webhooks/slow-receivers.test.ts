import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createActivities } from '../../../activities/index.ts';
import { newId } from '../../../src/domain/id.ts';
import { createLog } from '../../../src/log.ts';
import { connectTemporal } from '../../../src/temporal/connect.ts';
import { createWorkflowRunner } from '../../../src/temporal/runner.ts';
import { startWorkers, type Workers } from '../../../src/temporal/workers.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

const PREFIX = 'slow-receivers';
const SLOW = 50;
const MESSAGES_EACH = 6;
const HEALTHY = 5;
const ROUNDS = 100;
const PAUSE_MS = 30;

let harness: ActivityHarness;
let temporal: Awaited<ReturnType<typeof connectTemporal>>;
let workers: Workers;
const servers: Server[] = [];
const sockets = new Set<Socket>();
/** What Temporal was told to be fair by. */
const fairnessKeys = new Set<string>();

beforeAll(async () => {
  const namespace = { namespace: 'default', apiKey: undefined };
  temporal = await connectTemporal(namespace, inject('temporalAddress'), createLog('silent'));
  harness = await createActivityHarness({ deliveryRunner: createWorkflowRunner(temporal, PREFIX) });
  const activities = createActivities(harness);
  workers = await startWorkers({
    temporal,
    queuePrefix: PREFIX,
    activities: {
      ...activities,
      attemptDelivery(input: Parameters<typeof activities.attemptDelivery>[0]) {
        fairnessKeys.add(activityInfo().priority?.fairnessKey ?? 'none');
        return activities.attemptDelivery(input);
      },
    },
    concurrency: { image: 1, io: 2, webhook: 200 },
  });
  harness.dispatcher.open();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await harness.dispatcher.close();
  await workers.stop();
  await temporal.close();
  await harness.close();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

/** One byte a second, of its headers or of a body that never ends. */
function slowloris(kind: 'headers' | 'body'): Server {
  const head = kind === 'headers' ? 'HTTP/1.1 200 OK\r\nx-slow: ' : 'HTTP/1.1 200 OK\r\n\r\n';
  return createSocketServer((socket) => {
    socket.once('data', () => socket.write(head));
    const timer = setInterval(() => socket.write('a'), 1000);
    socket.once('close', () => clearInterval(timer));
  });
}

/** Sends one message to each healthy endpoint, again and again. @returns how long each took to arrive. */
async function latencies(account: ReturnType<typeof newWebhookAccount>, arrived: Map<string, number>) {
  const sent = new Map<string, number>();
  for (let i = 0; i < ROUNDS; i += 1) {
    const subjectId = newId();
    sent.set(subjectId, performance.now());
    await harness.emit({ owner: account.owner, type: 'job.ready', subjectId, data: { id: subjectId } });
    await sleep(PAUSE_MS);
  }
  while ([...sent.keys()].some((id) => (arrived.get(`${id}:count`) ?? 0) < HEALTHY)) await sleep(20);
  const took = [...sent].map(([id, at]) => (arrived.get(id) ?? 0) - at).toSorted((a, b) => a - b);
  return { p50: took[Math.floor(took.length / 2)] ?? 0, p99: took[Math.ceil(took.length * 0.99) - 1] ?? 0 };
}

describe('fifty slow receivers', () => {
  it('are cut after fifteen seconds and 64 KiB, and slow nobody down', async () => {
    const arrived = new Map<string, number>();
    const well = newWebhookAccount(harness);
    for (let i = 0; i < HEALTHY; i += 1) {
      const server = createHttpServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        const { id } = JSON.parse(body).data;
        arrived.set(id, performance.now());
        arrived.set(`${id}:count`, (arrived.get(`${id}:count`) ?? 0) + 1);
        response.end('ok');
      });
      await well.endpoint(await listen(server), ['job.*']);
    }
    const alone = await latencies(well, arrived);

    const slow: ReturnType<typeof newWebhookAccount>[] = [];
    for (let i = 0; i < SLOW; i += 1) {
      const account = newWebhookAccount(harness);
      await account.endpoint(await listen(slowloris(i % 2 === 0 ? 'headers' : 'body')));
      slow.push(account);
    }
    for (let i = 0; i < MESSAGES_EACH; i += 1) await Promise.all(slow.map((account) => account.emit()));
    const beside = await latencies(well, arrived);
    const ratio = beside.p99 / alone.p99;
    console.log(
      `slow receivers: healthy p50 ${alone.p50.toFixed(0)} ms, p99 ${alone.p99.toFixed(0)} ms alone; ` +
        `p50 ${beside.p50.toFixed(0)} ms, p99 ${beside.p99.toFixed(0)} ms beside ${SLOW} slow receivers ` +
        `with ${SLOW * MESSAGES_EACH} messages (${ratio.toFixed(2)} x)`,
    );
    // Far from the fifteen seconds that each slow one takes; the ratio is for the reader.
    expect(beside.p99).toBeLessThan(5000);

    const attempts = async () =>
      (await Promise.all(slow.map((account) => account.deliveries()))).flat().flatMap((one) => one.attempts);
    while ((await attempts()).length < SLOW) await sleep(200);
    const made = await attempts();
    expect(made.every(({ networkError }) => networkError === 'timeout')).toBe(true);
    expect(Math.max(...made.map(({ durationMs }) => durationMs))).toBeLessThan(17_000);
    expect(Math.min(...made.map(({ durationMs }) => durationMs))).toBeGreaterThan(14_900);
    const [delivery] = (await slow[0]?.deliveries()) ?? [];
    expect(fairnessKeys).toContain(delivery?.endpointId);
    expect(fairnessKeys).not.toContain('none');
  }, 120_000);

  it('or one that answers without end is cut at 64 KiB and counts as delivered', async () => {
    let written = 0;
    const closed = Promise.withResolvers<void>();
    const endless = createSocketServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const pour = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(16_384))) written += 16_384;
        };
        socket.on('drain', pour).once('close', () => closed.resolve());
        pour();
      });
    });
    const account = newWebhookAccount(harness);
    await account.endpoint(await listen(endless));
    await account.emit();
    await closed.promise;
    while ((await account.deliveries())[0]?.state === 'pending') await sleep(20);
    const [delivery] = await account.deliveries();
    expect(delivery).toMatchObject({ state: 'delivered', attempts: [{ status: 200 }] });
    // What the sockets of both sides had taken in before they were cut.
    expect(written).toBeLessThan(32 * 2 ** 20);
  });
});
