import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { createClient } from 'graphql-ws';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createReceiver, picture, type Received } from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');

let kiln: KilnProcess;
let receiver: Awaited<ReturnType<typeof createReceiver>>;
const secrets: string[] = [];

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-webhooks' });
});
beforeEach(async () => {
  receiver = await createReceiver();
  return () => receiver.close();
});
afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

/** Runs `kiln webhooks` as a script does. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, KILN_DATA_DIR: kiln.dataDir };
  const command = [join(ROOT, 'src/cli/main.ts'), 'webhooks', ...args];
  return promisify(execFile)(process.execPath, command, { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  );
}

async function json(...args: string[]) {
  const { code, out, err } = await run(...args, '--json');
  if (code !== 0) throw new Error(`kiln webhooks ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

async function newEndpoint(...events: string[]): Promise<{ endpointId: string; secret: string }> {
  const made = await json('create', receiver.url, ...events.flatMap((event) => ['--event', event]));
  secrets.push(made.secret);
  return made;
}

async function ask(query: string, variables: object = {}) {
  const answer = await fetch(kiln.run.graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': kiln.credentials.apiKey },
    body: JSON.stringify({ query, variables }),
  });
  return (await answer.json()).data;
}

async function convertOne(): Promise<string> {
  const bytes = await picture(16, 16);
  const input = { upload: { filename: 'a.png', mime: 'image/png', size: bytes.length }, target: 'webp' };
  const { createJob } = await ask(
    `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on CreateJobSuccess { job { jobId } upload { url } } } }`,
    { input },
  );
  await fetch(createJob.upload.url, { method: 'PUT', body: Uint8Array.from(bytes) });
  const { jobId } = createJob.job;
  await ask(`mutation ($id: ID!) { completeJob(id: $id, wait: 10000) { __typename } }`, { id: jobId });
  return jobId;
}

const verified = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as {
    type: string;
    timestamp: string;
    data: { id: string; status: string; outputs: { downloadUrl: string; size: number }[] };
  };

/** Everything that a history says, payloads included. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textOf).join('\n');
  return String(value);
}

const received = (count: number) =>
  until(
    () => receiver.received.length >= count,
    20_000,
    () => JSON.stringify(receiver.received.map(({ body }) => body)),
  );

describe('kiln webhooks', () => {
  it('tells an endpoint of a job, signed, with a link that works', async () => {
    const { endpointId, secret } = await newEndpoint('job.created', 'job.ready');
    const jobId = await convertOne();
    await received(2);
    const events = receiver.received.map((one) => verified(secret, one));
    expect(events.map(({ type }) => type).toSorted()).toEqual(['job.created', 'job.ready']);
    const ready = events.find(({ type }) => type === 'job.ready')?.data;
    expect(ready).toMatchObject({
      id: jobId,
      status: 'ready',
      inputs: [{ filename: 'a.png' }],
      outputs: [{ filename: 'a.webp', mime: 'image/webp' }],
      error: null,
      warnings: [],
    });
    const download = await fetch(ready?.outputs[0]?.downloadUrl ?? '');
    expect((await download.arrayBuffer()).byteLength).toBe(ready?.outputs[0]?.size);
    expect(events.find(({ type }) => type === 'job.created')?.data).toMatchObject({ outputs: [] });

    const list = await json('deliveries', '--job', jobId);
    expect(list).toHaveLength(2);
    await until(async () => {
      const { job } = await ask(
        `query ($id: ID!) { job(id: $id) { deliveries { edges { node { state } } } } }`,
        { id: jobId },
      );
      return job.deliveries.edges.every(
        ({ node }: { node: { state: string } }) => node.state === 'DELIVERED',
      );
    }, 10_000);
    await json('delete', endpointId);
  });

  it('replays, rotates, pauses, resumes and tests, for people and for scripts', async () => {
    const { endpointId, secret } = await newEndpoint('batch.finished');
    const { deliveryId } = await json('test', endpointId);
    await received(1);
    await until(async () => (await json('delivery', deliveryId)).state === 'DELIVERED', 10_000);

    const rotated = await json('rotate', endpointId);
    secrets.push(rotated.secret);
    expect(rotated.secrets).toHaveLength(2);
    await json('replay', deliveryId);
    await received(2);
    const [first, second] = receiver.received as [Received, Received];
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    for (const known of [secret, rotated.secret])
      expect(verified(known, second)).toMatchObject({ type: 'endpoint.test' });
    expect(() => verified(rotated.secret, first)).toThrow();

    expect(await json('pause', endpointId)).toMatchObject({ state: 'PAUSED' });
    expect((await run('test', endpointId)).err).toContain('The endpoint is paused. Resume it first.');
    expect((await run('resume', endpointId)).out).toMatch(/endpoint +url[\s\S]+enabled +closed/);
    await until(async () => (await json('delivery', deliveryId)).state === 'DELIVERED', 10_000);
    expect(await json('replay', '--since', '1h', '--endpoint', endpointId)).toEqual({ replayed: 1, left: 0 });
    await received(3);
    await until(async () => (await json('delivery', deliveryId)).attempts.length === 3, 10_000);
    const shown = await run('delivery', deliveryId);
    expect(shown.out).toContain('delivered');
    expect(shown.out).toContain('"type":"endpoint.test"');
    expect((await run('deliveries', '--endpoint', endpointId)).out).toMatch(/delivery +event +made +state/);
    expect((await run('update', endpointId, '--description', 'the old one')).out).toContain('the old one');
    expect((await run('delete', endpointId)).out).toContain('Nothing more is sent to');
    expect(await json('list')).toEqual([]);
  });

  it('streams attempts and states, and fills the gap after a reconnection', async () => {
    const { endpointId } = await newEndpoint('*');
    const since = new Date();
    const { deliveryId } = await json('test', endpointId);
    await received(1);
    const events = createClient({
      url: kiln.run.graphql.replace('http', 'ws'),
      connectionParams: { apiKey: kiln.credentials.apiKey },
      webSocketImpl: WebSocket,
    });
    const seen: string[] = [];
    for await (const { data } of events.iterate<{
      webhookDeliveryEvents: { eventId: string; state: string };
    }>({
      query: `subscription ($id: ID, $after: DateTime) { webhookDeliveryEvents(endpointId: $id, after: $after) { eventId state attempt { number status } } }`,
      variables: { id: endpointId, after: since.toISOString() },
    })) {
      const eventId = data?.webhookDeliveryEvents.eventId ?? '';
      seen.push(eventId.replace(deliveryId, '').replace(/:\d{13}$/, ''));
      if (eventId.startsWith(`${deliveryId}:delivered:`)) break;
    }
    await events.dispose();
    expect(seen.slice(-2)).toEqual([':attempt:1', ':delivered']);
    await json('delete', endpointId);
  });

  it.each([
    [['replay'], 'name one delivery, or give --since'],
    [['replay', 'x', '--since', '1h'], 'name one delivery, or give --since'],
    [['replay', '--since', 'yesterday'], 'It must be a moment'],
    [['deliveries', '--state', 'lost'], 'Allowed choices are pending, delivered, failed, discarded'],
    [['create'], "missing required argument 'url'"],
    [['crate', 'x'], "unknown command 'crate'"],
  ])('answers %j with 2 and one line', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it('leaves no secret in logs, in the data folder or in the histories of Temporal', async () => {
    // One that has to wait, and so becomes a workflow.
    const failing = await createReceiver([500]);
    const { endpointId, secret: own } = await json('create', failing.url);
    secrets.push(own);
    await json('test', endpointId);
    await until(() => failing.received.length === 2, 30_000);
    expect(failing.received[1]?.body).toBe(failing.received[0]?.body);
    await failing.close();
    expect(secrets.length).toBeGreaterThan(3);
    const connection = await Connection.connect({ address: kiln.run.temporalAddress });
    const { workflow } = new Client({ connection });
    let histories = '';
    let count = 0;
    for await (const { workflowId, runId } of workflow.list({
      query: "WorkflowType = 'webhookDelivery' OR WorkflowType = 'conversionJob'",
    })) {
      histories += textOf(await workflow.getHandle(workflowId, runId).fetchHistory());
      count += 1;
    }
    await connection.close();
    expect(count).toBeGreaterThanOrEqual(2);
    expect(histories).toContain('"deliveryId":"');
    const found = await readdir(kiln.dataDir, { recursive: true, withFileTypes: true });
    const files = found.filter((entry) => entry.isFile() && !entry.name.endsWith('.json'));
    for (const secret of secrets) {
      const bare = secret.replace('whsec_', '');
      expect(histories).not.toContain(bare);
      expect(kiln.output()).not.toContain(bare);
      for (const file of files)
        expect((await readFile(join(file.parentPath, file.name))).includes(bare)).toBe(false);
    }
  });
});
