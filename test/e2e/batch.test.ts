import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from '../../src/cli/service-client/graphql-client.ts';
import {
  createReceiver,
  createSwapmyfileClient,
  newAccountKey,
  picture,
  signatureMatches,
} from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const JOBS = 25;
const LABEL = 'é'.repeat(80);

let kiln: KilnProcess;
let graphql: GraphqlClient;

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-batch' });
  graphql = createGraphqlClient({ url: kiln.url, apiKey: kiln.credentials.apiKey });
});
afterAll(async () => {
  await graphql?.close();
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

interface BatchAnswer {
  batch: {
    batchId: string;
    label: string | null;
    status: string;
    counts: Record<string, number>;
    jobs: { jobId: string; status: string; outputFilename: string; downloadUrl: string | null }[];
  };
  uploads: {
    job: { jobId: string };
    upload: { url: string; completeUrl: string; method: string };
    statusToken: string;
  }[];
}

/** Calls SwapMyFile's batch paths. */
async function call(path: string, init: RequestInit & { key?: string; body?: string } = {}) {
  const { key, headers, ...rest } = init;
  const answer = await fetch(`${kiln.url}${path}`, {
    ...rest,
    headers: { 'content-type': 'application/json', ...(key && { 'x-api-key': key }), ...headers },
  });
  return { status: answer.status, json: await answer.json() };
}

const jobRequest = (different: object = {}) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: 10,
  ...different,
});

const prepare = (body: object, key?: string, headers: Record<string, string> = {}) =>
  call('/uploads/batch/prepare', {
    method: 'POST',
    body: JSON.stringify(body),
    headers,
    ...(key !== undefined && { key }),
  });

async function send({ upload }: BatchAnswer['uploads'][number], bytes: Buffer): Promise<void> {
  const put = await fetch(upload.url, { method: 'PUT', body: Uint8Array.from(bytes) });
  const done = await fetch(upload.completeUrl, { method: 'POST' });
  if (!put.ok || !done.ok) throw new Error(`upload answered ${put.status}, complete ${done.status}`);
}

describe('a batch through SwapMyFile', () => {
  it(`${JOBS} pictures in any order: ${JOBS} results, ${JOBS} verified callbacks`, async () => {
    const { apiKey } = kiln.credentials;
    const receiver = await createReceiver();
    const pictures = await Promise.all(Array.from({ length: JOBS }, (_, i) => picture(20 + i, 30)));
    const jobs = pictures.map(({ length }, i) =>
      jobRequest({
        inputFilename: `picture ${i}.png`,
        inputSize: length,
        callbackUrl: receiver.url,
        callbackSecret: `secret ${i}`,
        ...(i % 2 && { converterSlug: 'png-to-jpg' }),
      }),
    );
    const { status, json } = await prepare({ label: LABEL, jobs }, apiKey);
    expect(status).toBe(201);
    const { batch, uploads } = json as BatchAnswer;
    expect(batch).toMatchObject({
      label: LABEL,
      status: 'awaiting_upload',
      counts: { total: JOBS, awaiting_upload: JOBS, ready: 0, failed: 0 },
    });
    expect(uploads.map(({ job }) => job.jobId)).toEqual(batch.jobs.map(({ jobId }) => jobId));
    expect(batch.jobs.map(({ outputFilename }) => outputFilename)).toEqual(
      pictures.map((_, i) => `picture ${i}.${i % 2 ? 'jpg' : 'webp'}`),
    );

    const order = pictures.map((_, i) => (i * 7) % JOBS);
    await Promise.all(
      order.map(async (i) => send(uploads[i] as BatchAnswer['uploads'][number], pictures[i] as Buffer)),
    );
    let now: BatchAnswer['batch'] = batch;
    await until(
      async () => {
        now = (await call(`/job-batches/${batch.batchId}`, { key: apiKey })).json.batch;
        return now.status === 'ready' || now.status === 'failed';
      },
      60_000,
      () => JSON.stringify(now.counts),
    );
    expect(now.counts).toMatchObject({ total: JOBS, ready: JOBS, failed: 0 });
    const client = createSwapmyfileClient(kiln.url);
    for (const [i, job] of now.jobs.entries()) {
      const { format, width, height } = await sharp(await client.download(job.downloadUrl ?? '')).metadata();
      expect({ format, width, height }).toEqual({
        format: i % 2 ? 'jpeg' : 'webp',
        width: 20 + i,
        height: 30,
      });
    }
    await until(() => receiver.received.length >= JOBS, 20_000);
    const callbacks = receiver.received.map((received) => {
      const { event, job } = JSON.parse(received.body);
      const i = batch.jobs.findIndex(({ jobId }) => jobId === job.jobId);
      return { i, event, verified: signatureMatches(`secret ${i}`, received) };
    });
    expect(callbacks.sort((a, b) => a.i - b.i)).toEqual(
      pictures.map((_, i) => ({ i, event: 'job.ready', verified: true })),
    );
    console.log(`${now.counts.ready} of ${JOBS} results, ${callbacks.length} verified callbacks`);
    await receiver.close();
  });

  it('takes 25 jobs and a label of 80 characters, and not one more of either', async () => {
    const { apiKey } = kiln.credentials;
    const many = (count: number) => Array.from({ length: count }, () => jobRequest());
    expect((await prepare({ label: LABEL, jobs: many(25) }, apiKey)).status).toBe(201);
    expect(await prepare({ jobs: many(26) }, apiKey)).toMatchObject({
      status: 400,
      json: { error: { code: 'INVALID_INPUT', field: 'jobs' } },
    });
    expect(await prepare({ label: `${LABEL}x`, jobs: many(1) }, apiKey)).toMatchObject({
      status: 400,
      json: { error: { code: 'INVALID_INPUT', field: 'label' } },
    });
    expect(await prepare({ jobs: [] }, apiKey)).toMatchObject({ status: 400 });
  });

  it('says which job is wrong, and accepts none of the others', async () => {
    const { apiKey } = kiln.credentials;
    for (const [faulty, status, error] of [
      [jobRequest({ inputSize: 0 }), 400, { code: 'INVALID_INPUT', field: 'jobs.1.inputSize' }],
      [
        jobRequest({ converterSlug: 'png-to-nothing' }),
        404,
        { code: 'UNKNOWN_CONVERTER', field: 'jobs.1.converterSlug' },
      ],
      [jobRequest({ inputSize: 2 ** 40 }), 413, { code: 'TOO_LARGE', field: 'jobs.1.inputSize' }],
      [jobRequest({ callbackUrl: 'http://10.0.0.1/' }), 400, { code: 'BLOCKED_ADDRESS' }],
      [7, 400, { code: 'INVALID_INPUT', field: 'jobs.1' }],
    ] as const) {
      expect(await prepare({ jobs: [jobRequest(), faulty] }, apiKey)).toMatchObject({
        status,
        json: { error },
      });
    }
  });

  it('is for Pro, by key or by session, and never by a token', async () => {
    const body = { jobs: [jobRequest()] };
    expect(await prepare(body)).toMatchObject({ status: 401, json: { error: { code: 'UNAUTHENTICATED' } } });
    expect(await prepare(body, await newAccountKey(kiln, 'basic'))).toMatchObject({ status: 403 });
    expect(await prepare(body, await newAccountKey(kiln, 'free'))).toMatchObject({ status: 403 });
    const { guestToken } = await createSwapmyfileClient(kiln.url).prepare(jobRequest());
    expect(await prepare(body, undefined, { authorization: `Bearer ${guestToken}` })).toMatchObject({
      status: 403,
    });

    const { createSession } = await graphql.request<{ createSession: { token: string } }>(
      'mutation { createSession(kind: FULL) { ... on CreateSessionSuccess { token } } }',
    );
    const session = { authorization: `Bearer ${createSession.token}` };
    const { status, json } = await prepare(body, undefined, session);
    expect(status).toBe(201);
    const { batch, uploads } = json as BatchAnswer;
    const path = `/job-batches/${batch.batchId}`;
    expect((await call(path, { headers: session })).json.batch.batchId).toBe(batch.batchId);
    expect((await call(`${path}?token=${uploads[0]?.statusToken}`)).status).toBe(401);
    expect((await call(path)).status).toBe(401);

    const foreign = await call(path, { key: await newAccountKey(kiln, 'pro') });
    const unknown = await call(`/job-batches/${randomUUID()}`, { key: kiln.credentials.apiKey });
    expect(foreign).toEqual(unknown);
    expect(foreign.status).toBe(404);
  });
});
