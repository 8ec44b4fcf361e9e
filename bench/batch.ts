import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { type Conversions, createConversions, resultOf } from '../src/cli/commands/jobs/conversions.ts';
import { createGraphqlClient, type GraphqlClient } from '../src/cli/service-client/graphql-client.ts';
import { mutate } from '../src/cli/service-client/mutation.ts';
import type { Bench, Row } from './bench.ts';
import { type KilnProcess, storeFile } from './kiln-process.ts';
import { cpuMs } from './process-tree.ts';
import { percentile } from './statistics.ts';

const JOBS = 200;
const SINGLES = 15;
const WARM_UP = 5;
const WAIT_MS = 30_000;
const PAUSE_MS = 150;
const POLL_MS = 100;
/** The single job's input: a photo as a telephone takes it, at half the size. */
const PHOTO = { width: 2000, height: 1500 };
/** The input of each job of the batch, in pixels. */
const BATCH = { width: 400, height: 300 };

const CREATE_ACCOUNT = `mutation { createAccount(name: "Somebody else", plan: "pro") {
  ... on AccountSuccess { account { accountId } } ... on Error { code message hint } } }`;
const CREATE_KEY = `mutation ($id: ID!) { createApiKey(input: { accountId: $id, name: "bench" }) {
  ... on ApiKeySecrets { apiKey } ... on Error { code message hint } } }`;
const CREATE_BATCH = `mutation ($input: CreateBatchInput!) { createBatch(input: $input) {
  ... on CreateBatchSuccess { batch { batchId } } ... on Error { code message hint } } }`;
const PENDING = 'query ($id: ID!) { batch(id: $id) { counts { pending failed } } }';

/** Measures how much longer single jobs take while a batch runs. */
export const bench: Bench = {
  name: 'batch',
  about: `a batch of ${JOBS} small pictures, and single photos of another account in the middle of it`,

  async run({ kiln, folder, say }) {
    const mine = createGraphqlClient(kiln);
    const other = await newCustomer(kiln, folder);
    const conversions = createConversions(other);
    const photo = await storeFile(other, {
      filename: 'photo.jpg',
      mime: 'image/jpeg',
      bytes: await picture(PHOTO, 'jpeg'),
    });
    const small = await storeFile(kiln, {
      filename: 'small.png',
      mime: 'image/png',
      bytes: await picture(BATCH, 'png'),
    });
    for (let i = 0; i < WARM_UP; i += 1) await single(conversions, photo);
    say('single photos while nothing else runs …');
    const idle: number[] = [];
    for (let i = 0; i < SINGLES; i += 1) idle.push(await single(conversions, photo));

    say('the batch alone …');
    const alone = await runBatch(mine, small, async () => sleep(POLL_MS));
    say('the batch, and single photos in the middle of it …');
    const busy: number[] = [];
    const before = cpuMs(kiln.pid);
    const together = await runBatch(mine, small, async () => {
      busy.push(await single(conversions, photo));
      await sleep(PAUSE_MS);
    });
    const each = Math.round((cpuMs(kiln.pid) - before) / (JOBS + busy.length));
    await conversions.close();
    await mine.close();
    return [...latencyRows(idle, busy), ...rateRows(alone, together, each)];
  },
};

function latencyRows(idle: number[], busy: number[]): Row[] {
  const row = (what: string, share: number): Row => ({
    what: `single photo during the batch, ${what}`,
    figure: percentile(busy, share),
    unit: 'ms',
    target: { atMost: Math.round(2 * percentile(idle, share)) },
    bare: { what: 'the same while nothing else runs', figure: percentile(idle, share) },
    note: `${busy.length} photos`,
  });
  return [row('p50', 0.5), row('p90', 0.9)];
}

function rateRows(alone: number, together: number, cpuEach: number): Row[] {
  const note = `${cpuEach} CPU-ms a job, photos and engines included`;
  return [
    { what: 'jobs of the batch alone', figure: alone, unit: '/s' },
    { what: 'jobs of the batch beside the photos', figure: together, unit: '/s', note },
  ];
}

/** Runs a batch, and `meanwhile` beside it. @returns jobs per second, from the call to the end of the last. */
async function runBatch(
  graphql: GraphqlClient,
  fileId: string,
  meanwhile: () => Promise<void>,
): Promise<number> {
  const jobs = Array.from({ length: JOBS }, () => ({ fileId, target: 'webp' }));
  const began = performance.now();
  const { batch } = await mutate<{ batch: { batchId: string } }>(graphql, 'createBatch', CREATE_BATCH, {
    input: { jobs },
  });
  for (let pending = JOBS; pending > 0; ) {
    await meanwhile();
    const answer = await graphql.request<{ batch: { counts: { pending: number; failed: number } } }>(
      PENDING,
      {
        id: batch.batchId,
      },
    );
    if (answer.batch.counts.failed > 0) throw new Error('A job of the batch failed.');
    ({ pending } = answer.batch.counts);
  }
  return JOBS / ((performance.now() - began) / 1000);
}

/** Runs a single job. @returns milliseconds from the request to the answer that it is ready. */
async function single(conversions: Conversions, fileId: string): Promise<number> {
  const began = performance.now();
  const { job } = await conversions.create({
    fileId,
    target: 'webp',
    wait: WAIT_MS,
    options: { width: 1000 },
  });
  resultOf(job);
  return performance.now() - began;
}

async function newCustomer(kiln: KilnProcess, folder: string): Promise<KilnProcess> {
  const { adminToken } = JSON.parse(await readFile(join(folder, 'data', 'credentials.json'), 'utf8'));
  const admin = createGraphqlClient({ url: kiln.url, adminToken });
  const made = await mutate<{ account: { accountId: string } }>(admin, 'createAccount', CREATE_ACCOUNT, {});
  const { apiKey } = await mutate<{ apiKey: string }>(admin, 'createApiKey', CREATE_KEY, {
    id: made.account.accountId,
  });
  await admin.close();
  return { ...kiln, apiKey };
}

/** Makes a picture that is smooth with a little noise, as photos are: an encoder's usual case. */
async function picture({ width, height }: { width: number; height: number }, format: 'png' | 'jpeg') {
  const create = { width, height, channels: 3 as const, background: '#7090b0' };
  const noise = { type: 'gaussian' as const, mean: 0, sigma: 12 };
  const grain = await sharp({ create: { ...create, background: '#000000', noise } })
    .png()
    .toBuffer();
  const bytes = await sharp({ create })
    .composite([{ input: grain, blend: 'add' }])
    [format]()
    .toBuffer();
  return Uint8Array.from(bytes);
}
