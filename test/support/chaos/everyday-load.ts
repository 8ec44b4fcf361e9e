import { setTimeout as sleep } from 'node:timers/promises';
import { createConversions } from '../../../src/cli/commands/jobs/conversions.ts';
import { createGraphqlClient } from '../../../src/cli/service-client/graphql-client.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { noise, picture } from '../service/client.ts';
import { APIS, createCustomer, insist, type ServedBy } from './customer.ts';

/** By kind of visit: how many there were and how many failed. */
export type Visits = Map<string, { came: number; failed: number; words: string }>;

interface LoadOptions {
  served: ServedBy;
  callbackUrl: string;
  /** Visitors per second. */
  rate: number;
  forMs: number;
  random: SeededRandom;
}

const TIMEOUT_MS = 300_000;
const BATCH_JOBS = 5;
const CREATE_BATCH = `mutation ($input: CreateBatchInput!) { createBatch(input: $input) {
  ... on CreateBatchSuccess { batch { batchId } } ... on Error { code message } } }`;

/** Acts as customers do: most convert something, some send rubbish, cancel or give up. */
export async function everydayLoad({
  served,
  callbackUrl,
  rate,
  forMs,
  random,
}: LoadOptions): Promise<Visits> {
  const pictures = [await picture(120, 80), await noise(300, 200)].map((bytes) => Uint8Array.from(bytes));
  const rubbish = Uint8Array.from(Buffer.from('this is no picture at all, whatever its name may say'));
  const conversions = createConversions(served);
  const graphql = createGraphqlClient(served);
  let number = 0;

  const customer = (bytes: Uint8Array<ArrayBuffer>) => {
    number += 1;
    const request = { api: random.pick(APIS), name: `visitor-${number}`, bytes };
    return createCustomer(served, { ...request, ...(random.chance(0.4) && { callbackUrl }) });
  };

  async function convert(bytes: Uint8Array<ArrayBuffer>, end: string): Promise<void> {
    const one = customer(bytes);
    const deadline = Date.now() + TIMEOUT_MS;
    for (const step of [one.create, one.put, one.complete]) await insist(step, deadline);
    for (let status = ''; status !== end; await sleep(1000)) {
      status = (await insist(one.status, deadline)).body.data.job?.status;
      if (status !== end && /READY|FAILED|EXPIRED|CANCELLED/.test(status)) throw new Error(`it is ${status}`);
      if (Date.now() > deadline) throw new Error(`it is still ${status}`);
    }
  }

  async function store(): Promise<string> {
    const [bytes = rubbish] = pictures;
    const upload = await conversions.prepareUpload({
      filename: 'kept.png',
      mime: 'image/png',
      size: bytes.length,
    });
    await conversions.send(upload, bytes);
    await conversions.completeUpload(upload.id);
    return upload.fileId;
  }

  const visits: readonly [share: number, name: string, visit: () => Promise<unknown>][] = [
    [0.6, 'converts a picture', () => convert(random.pick(pictures), 'READY')],
    [0.7, 'sends rubbish', () => convert(rubbish, 'FAILED')],
    [0.78, 'orders and walks away', () => insist(customer(rubbish).create, Date.now() + TIMEOUT_MS)],
    [
      0.86,
      'changes their mind',
      async () => {
        const one = customer(rubbish);
        await insist(one.create, Date.now() + TIMEOUT_MS);
        await conversions.cancel(one.jobId);
      },
    ],
    [
      0.94,
      'watches a stored file being converted',
      async () => {
        const { job } = await conversions.create({ fileId: await store(), target: 'jpeg' });
        for await (const event of conversions.watch(job.jobId)) if (event.status === 'READY') break;
      },
    ],
    [
      1,
      'orders a batch',
      async () => {
        const fileId = await store();
        const jobs = Array.from({ length: BATCH_JOBS }, () => ({ fileId, target: 'webp' }));
        await graphql.request(CREATE_BATCH, { input: { jobs } });
      },
    ],
  ];

  const done: Visits = new Map(visits.map(([, name]) => [name, { came: 0, failed: 0, words: '' }]));
  const under = new Set<Promise<void>>();
  for (const end = Date.now() + forMs; Date.now() < end; ) {
    const dice = random.next();
    const [, name, visit] = visits.find(([share]) => dice < share) ?? (visits[0] as (typeof visits)[number]);
    const count = done.get(name) ?? { came: 0, failed: 0, words: '' };
    count.came += 1;
    const running = visit().then(
      () => {},
      (error: unknown) => {
        count.failed += 1;
        count.words ||= String(error);
      },
    );
    under.add(running);
    void running.then(() => under.delete(running));
    await sleep((1000 / rate) * (0.5 + random.next()));
  }
  await Promise.all(under);
  await Promise.all([conversions.close(), graphql.close()]);
  return done;
}
