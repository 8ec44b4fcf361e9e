import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Conversions, createConversions } from '../../src/cli/commands/jobs/conversions.ts';
import { createGraphqlClient, type GraphqlClient } from '../../src/cli/service-client/graphql-client.ts';
import { createLog } from '../../src/log.ts';
import { connectTemporal } from '../../src/temporal/connect.ts';
import { newAccountKey, noise, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
} from '../support/service/kiln-process.ts';
import { unzip } from '../support/service/unzip.ts';

let kiln: KilnProcess;
let graphql: GraphqlClient;
let conversions: Conversions;

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-graphql-batch' });
  const service = { url: kiln.url, apiKey: kiln.credentials.apiKey };
  graphql = createGraphqlClient(service);
  conversions = createConversions(service);
});
afterAll(async () => {
  await graphql?.close();
  await conversions?.close();
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

/** Stores a file. @returns its id. */
async function store(by: Conversions, filename: string, bytes: Buffer): Promise<string> {
  const upload = await by.prepareUpload({ filename, mime: 'image/png', size: bytes.length });
  await by.send(upload, Uint8Array.from(bytes));
  await by.completeUpload(upload.id);
  return upload.fileId;
}

const BATCH = `batchId label status seq cancelling retryOf counts { total pending ready failed cancelled expired }
  archive { filename size downloadUrl error { code } }`;

interface Batch {
  batchId: string;
  status: string;
  seq: number;
  cancelling: boolean;
  retryOf: string | null;
  counts: Record<'total' | 'pending' | 'ready' | 'failed' | 'cancelled' | 'expired', number>;
  archive: { filename: string; size: number; downloadUrl: string; error: { code: string } | null } | null;
}

interface Created {
  batch: Batch;
  jobs: { job: { jobId: string; retryOf: string | null }; upload: { url: string; id: string } | null }[];
}

const CREATED = `... on CreateBatchSuccess { batch { ${BATCH} } jobs { job { jobId retryOf } upload { url id } } }
  ... on Error { code message field }`;

async function create(input: object): Promise<Created & { code?: string; field?: string }> {
  const { createBatch } = await graphql.request<{ createBatch: Created }>(
    `mutation($input: CreateBatchInput!) { createBatch(input: $input) { ${CREATED} } }`,
    { input },
  );
  return createBatch;
}

interface BatchEvent {
  kind: string;
  seq: number;
  jobId: string | null;
  jobStatus: string | null;
  status: string;
}

/** Watches a batch to its end. */
async function watch(batchId: string, after = 0): Promise<BatchEvent[]> {
  const events: BatchEvent[] = [];
  for await (const { batchEvents } of graphql.subscribe<{ batchEvents: BatchEvent }>(
    'subscription($batchId: ID!, $after: Int!) { batchEvents(batchId: $batchId, after: $after) { kind seq jobId jobStatus status } }',
    { batchId, after },
  ))
    events.push(batchEvents);
  return events;
}

async function read(batchId: string): Promise<Batch> {
  const { batch } = await graphql.request<{ batch: Batch }>(
    `query($id: ID!) { batch(id: $id) { ${BATCH} } }`,
    { id: batchId },
  );
  return batch;
}

describe('a batch through GraphQL', () => {
  it('tells each end once, replays what was missed, and packs all results', async () => {
    const stored = await store(conversions, 'stored.png', await picture(40, 30));
    const sent = await picture(50, 30);
    const upload = { filename: 'stored.png', mime: 'image/png', size: sent.length };
    const { batch, jobs } = await create({
      label: 'April',
      archive: true,
      jobs: [
        { fileId: stored, target: 'webp' },
        { upload, target: 'webp', options: { width: 25 } },
        { fileId: stored, target: 'jpg' },
        // Its bytes are not what it insists on.
        { fileId: stored, source: 'gif', target: 'png' },
      ],
    });
    expect(jobs.map(({ upload: target }) => target !== null)).toEqual([false, true, false, false]);
    const watching = watch(batch.batchId);
    const [, awaited] = jobs;
    await fetch(awaited?.upload?.url ?? '', { method: 'PUT', body: Uint8Array.from(sent) });
    await conversions.completeUpload(awaited?.upload?.id ?? '');

    const events = await watching;
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(events.at(0)).toMatchObject({ kind: 'STATUS', status: 'PROCESSING' });
    const ends = events.filter(({ kind }) => kind === 'JOB');
    expect(new Set(ends.map(({ jobId }) => jobId))).toEqual(new Set(jobs.map(({ job }) => job.jobId)));
    expect(ends.find(({ jobId }) => jobId === jobs[3]?.job.jobId)?.jobStatus).toBe('FAILED');
    expect(events.slice(-2)).toMatchObject([{ kind: 'ARCHIVE' }, { kind: 'STATUS', status: 'PARTIAL' }]);
    expect(await watch(batch.batchId, 4)).toEqual(events.slice(4));

    const ended = await read(batch.batchId);
    expect(ended).toMatchObject({
      status: 'PARTIAL',
      counts: { total: 4, pending: 0, ready: 3, failed: 1, cancelled: 0, expired: 0 },
      archive: { filename: 'April.zip', error: null },
    });
    const answer = await fetch(ended.archive?.downloadUrl ?? '');
    expect(answer.headers.get('content-disposition')).toContain('April.zip');
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.length).toBe(ended.archive?.size);
    const files = await unzip(bytes);
    expect([...files.keys()]).toEqual(['stored.webp', 'stored (2).webp', 'stored.jpg']);
    const widths = [...files.values()].map(async (file) => (await sharp(file).metadata()).width);
    expect(await Promise.all(widths)).toEqual([40, 25, 40]);
  });

  it('is accepted as a whole or not at all, and says which job is wrong', async () => {
    const upload = { filename: 'a.png', mime: 'image/png', size: 10 };
    const jobs = [
      { upload, target: 'webp' },
      { upload: { ...upload, size: 0 }, target: 'webp' },
    ];
    expect(await create({ jobs })).toMatchObject({ code: 'INVALID_INPUT', field: 'jobs.1.upload.size' });
    expect(await create({ jobs: [] })).toMatchObject({ code: 'INVALID_INPUT', field: 'jobs' });
    const many = Array.from({ length: 1001 }, () => jobs[0]);
    expect(await create({ jobs: many })).toMatchObject({ code: 'INVALID_INPUT', field: 'jobs' });
  });

  it('is cancelled with all of its jobs, and done again as a new one', async () => {
    const fileId = await store(conversions, 'large.png', await noise(2000, 1500));
    const upload = { filename: 'never.png', mime: 'image/png', size: 10 };
    const jobs = Array.from({ length: 30 }, () => ({ fileId, target: 'webp' }));
    const { batch } = await create({ jobs: [...jobs, { upload, target: 'webp' }] });
    const { cancelBatch } = await graphql.request<{ cancelBatch: { batch: Batch } }>(
      `mutation($id: ID!) { cancelBatch(id: $id) { ... on CancelBatchSuccess { batch { ${BATCH} } } ... on Error { code message } } }`,
      { id: batch.batchId },
    );
    expect(cancelBatch.batch.cancelling).toBe(true);
    await watch(batch.batchId);
    const ended = await read(batch.batchId);
    expect(ended.counts).toMatchObject({ total: 31, pending: 0, failed: 0, expired: 0 });
    expect(ended.counts.cancelled).toBeGreaterThan(20);
    expect(ended.counts.ready + ended.counts.cancelled).toBe(31);

    const { retryBatch } = await graphql.request<{ retryBatch: Created }>(
      `mutation($id: ID!) { retryBatch(id: $id) { ${CREATED} } }`,
      { id: batch.batchId },
    );
    expect(retryBatch.batch).toMatchObject({
      retryOf: batch.batchId,
      counts: { total: ended.counts.cancelled },
    });
    // A stored file is there still; the one that never came is awaited again.
    expect(retryBatch.jobs.filter(({ upload: target }) => target !== null)).toHaveLength(1);
    for (const { job } of retryBatch.jobs) expect(job.retryOf).toMatch(/^[0-9a-f-]{36}$/);
    await graphql.request('mutation($id: ID!) { cancelBatch(id: $id) { __typename } }', {
      id: retryBatch.batch.batchId,
    });
    await watch(retryBatch.batch.batchId);
  });

  it('of 200 jobs starves nobody: single jobs of another account end in the middle of it', async () => {
    const other = createConversions({ url: kiln.url, apiKey: await newAccountKey(kiln, 'pro') });
    const photo = await store(other, 'photo.png', await picture(1200, 900));
    const single = async () => {
      const began = performance.now();
      const { job } = await other.create({ fileId: photo, target: 'webp', wait: 30_000 });
      expect(job.status).toBe('READY');
      return { jobId: job.jobId, ms: performance.now() - began };
    };
    await single();
    const idle: number[] = [];
    for (let i = 0; i < 5; i += 1) idle.push((await single()).ms);

    const fileId = await store(conversions, 'small.png', await picture(400, 300));
    const { batch, jobs } = await create({
      jobs: Array.from({ length: 200 }, () => ({ fileId, target: 'webp' })),
    });
    const busy: number[] = [];
    let last = '';
    let pending = 200;
    while (pending > 60) {
      const { jobId, ms } = await single();
      busy.push(ms);
      last = jobId;
      ({ pending } = (await read(batch.batchId)).counts);
    }
    // The last of the batch is still in line, and says where.
    const { job: waiting } = await graphql.request<{ job: { status: string; queuePosition: number } }>(
      'query($id: ID!) { job(id: $id) { status queuePosition } }',
      { id: jobs.at(-1)?.job.jobId },
    );
    expect(waiting.status).toBe('QUEUED');
    expect(waiting.queuePosition).toBeGreaterThan(0);
    expect(busy.length).toBeGreaterThan(0);
    const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
    console.log(
      `${busy.length} single jobs during a batch of 200: median ${median(busy).toFixed(0)} ms, ` +
        `${(median(busy) / median(idle)).toFixed(2)} times that of an idle service (${median(idle).toFixed(0)} ms)`,
    );

    const temporal = await connectTemporal(
      { namespace: 'default', apiKey: undefined },
      kiln.run.temporalAddress,
      createLog('silent'),
    );
    const priorityOf = async (jobId: string) =>
      (await temporal.client.workflow.getHandle(`job:${jobId}`).describe()).raw.workflowExecutionInfo
        ?.priority;
    const ofBatch = await priorityOf(jobs[0]?.job.jobId ?? '');
    const ofSingle = await priorityOf(last);
    await temporal.close();
    expect(ofBatch).toMatchObject({ priorityKey: 5, fairnessKey: `account:${kiln.credentials.account}` });
    expect(ofSingle).toMatchObject({ priorityKey: 3, fairnessWeight: 10 });
    expect(ofSingle?.fairnessKey).not.toBe(ofBatch?.fairnessKey);

    await watch(batch.batchId);
    expect(await read(batch.batchId)).toMatchObject({ status: 'READY', counts: { ready: 200 } });
    await other.close();
  });
});
