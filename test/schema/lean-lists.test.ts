import { BSON, type CommandSucceededEvent } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { endOf, endsOf, newBatch, type Outcome } from '../../src/domain/batches/batch.ts';
import { newId } from '../../src/domain/id.ts';
import type { JobEvent } from '../../src/domain/jobs/job.ts';
import type { DeliveryAttempt } from '../../src/domain/webhooks/delivery.ts';
import { createFindBatches } from '../../src/operations/batches/find-batches.ts';
import { createFindJobs } from '../../src/operations/jobs/find-jobs.ts';
import { createDeliveries, type DeliveriesPorts } from '../../src/operations/webhooks/deliveries.ts';
import { createAccountRepository } from '../../src/store/accounts.ts';
import { createBatchRepository } from '../../src/store/batches.ts';
import { createDeliveryRepository } from '../../src/store/deliveries.ts';
import { createJobRepository } from '../../src/store/jobs.ts';
import { connectMongo, type Mongo } from '../../src/store/mongo/mongo.ts';
import { aDelivery, aJob } from '../support/records.ts';
import { createApi } from './client.ts';
import { ALICE, createService } from './service.ts';

const PAGE = 100;
const JOBS = 1000;
const EVENTS = 500;
const MOST_BYTES = 200_000;
const owner = `account:${ALICE}`;
const OUTCOMES: Outcome[] = ['ready', 'ready', 'failed', 'cancelled', 'expired'];
const COUNTS = { total: JOBS, pending: 500, ready: 200, failed: 100, cancelled: 100, expired: 100 };

let mongo: Mongo;
let api: ReturnType<typeof createApi>;
let accounts: ReturnType<typeof createAccountRepository>;
/** Bytes that the database sent, by reply. */
let replies: number[] = [];

beforeAll(async () => {
  const uri = new URL(inject('mongoUri'));
  uri.searchParams.set('monitorCommands', 'true');
  mongo = await connectMongo(uri.href, `kiln-lists-${newId()}`);
  const { collections } = mongo;
  mongo.db.client.on('commandSucceeded', ({ commandName, reply }: CommandSucceededEvent) => {
    if (commandName === 'find' || commandName === 'getMore')
      replies.push(BSON.calculateObjectSize(reply as BSON.Document));
  });
  const silent = { publish: () => {}, invalidate: () => {} };
  const jobs = createJobRepository(collections, silent);
  accounts = createAccountRepository(collections);
  api = createApi({
    ...createService().operations,
    ...createFindJobs({ jobs }),
    ...createFindBatches({ jobs, batches: createBatchRepository(collections, silent) }),
    ...createDeliveries({ deliveries: createDeliveryRepository(collections) } as DeliveriesPorts),
  });
  for (let i = 0; i < PAGE; i += 1) await collections.batches.insertOne(aLongBatch());
  await collections.jobs.insertMany(Array.from({ length: PAGE }, () => aLongJob()));
  await collections.deliveries.insertMany(Array.from({ length: PAGE }, () => aLongDelivery()));
}, 240_000);
afterAll(async () => {
  await mongo.db.dropDatabase();
  await mongo.close();
});

/** Of a thousand jobs, half of which have ended. */
function aLongBatch() {
  const jobIds = Array.from({ length: JOBS }, newId);
  const fields = { owner, dialect: 'graphql', label: null, retryOf: null, wantsArchive: false } as const;
  const batch = newBatch({ _id: newId(), jobIds, ...fields });
  const ended = jobIds.slice(0, JOBS / 2).map((id, i) => [id, OUTCOMES[i % OUTCOMES.length]] as const);
  const outcomes = Object.fromEntries(ended) as typeof batch.outcomes;
  const events = ended.map(([id, outcome]) => endOf(id, outcome as Outcome, new Date()));
  return { ...batch, outcomes, ended: ended.length, ends: endsOf(outcomes), seq: events.length, events };
}

function aLongJob() {
  const events = Array.from(
    { length: EVENTS },
    (_, i): JobEvent => ({
      type: 'warning',
      status: 'processing',
      at: new Date(),
      cause: `warning/${i}`,
      message: 'x'.repeat(100),
    }),
  );
  return aJob({ owner, status: 'processing', seq: EVENTS, events });
}

function aLongDelivery() {
  const attempts = Array.from(
    { length: 10 },
    (_, i): DeliveryAttempt => ({
      number: i + 1,
      at: new Date(),
      durationMs: 1,
      status: 500,
      networkError: null,
      responseHead: 'x'.repeat(4096),
    }),
  );
  return aDelivery({ owner, attempts, body: JSON.stringify({ text: 'x'.repeat(10_000) }) });
}

/** What GraphQL answers to Alice, how many reads it took and what came of them. */
async function ask(query: string) {
  replies = [];
  const answer = await api.ask(query);
  expect(answer).not.toHaveProperty('errors');
  return { data: answer.data, reads: replies.length, bytes: replies.reduce((sum, one) => sum + one, 0) };
}

// biome-ignore lint/suspicious/noExplicitAny: answers to queries that the test itself has written.
const nodesOf = ({ edges }: any): any[] => edges.map(({ node }: any) => node);

describe(`a page of ${PAGE}`, () => {
  it(`batches of ${JOBS} jobs loads none of their lists, and counts all the same`, async () => {
    const { data, bytes } = await ask(
      '{ batches(first: 100) { edges { node { batchId status seq counts { total pending ready failed cancelled expired } } } } }',
    );
    console.log(`${PAGE} batches of ${JOBS} jobs: ${bytes} bytes`);
    expect(nodesOf(data.batches).map(({ counts }) => counts)).toEqual(Array(PAGE).fill(COUNTS));
    expect(bytes).toBeLessThan(MOST_BYTES);
  });

  it(`jobs with ${EVENTS} events each loads no event`, async () => {
    const { data, bytes } = await ask(
      '{ jobs(first: 100) { edges { node { jobId status seq inputs { filename } } } } }',
    );
    console.log(`${PAGE} jobs with ${EVENTS} events: ${bytes} bytes`);
    expect(nodesOf(data.jobs)).toHaveLength(PAGE);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });

  it('deliveries loads neither what they say nor what was tried', async () => {
    const { data, bytes } = await ask(
      '{ webhookDeliveries(first: 100) { edges { node { deliveryId state url } } } }',
    );
    console.log(`${PAGE} deliveries: ${bytes} bytes`);
    expect(nodesOf(data.webhookDeliveries)).toHaveLength(PAGE);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });

  it('accounts leaves their money where it is', async () => {
    const runs = { first: { amount: 1, state: 'held', at: new Date() } } as const;
    const holds = Object.fromEntries(Array.from({ length: 5000 }, () => [newId(), runs]));
    const account = { _id: newId(), name: 'rich', plan: 'pro', createdAt: new Date() };
    await mongo.collections.accounts.insertOne({ ...account, holds });
    replies = [];
    expect(await accounts.list({ limit: PAGE })).toEqual([account]);
    expect(replies[0]).toBeLessThan(1000);
    expect(await accounts.change(account._id, { name: 'poor' })).toEqual({ ...account, name: 'poor' });
  });
});

describe('what a page left out', () => {
  it('is read for those who ask for it, together: the events of jobs', async () => {
    const { data, reads } = await ask(
      `{ jobs(first: 10) { edges { node { events(after: ${EVENTS - 2}) { seq message } } } } }`,
    );
    const last = [EVENTS - 1, EVENTS].map((seq) => ({ seq, message: 'x'.repeat(100) }));
    expect(nodesOf(data.jobs)).toEqual(Array(10).fill({ events: last }));
    // One by one they would be 11.
    expect(reads).toBeLessThan(8);
  });

  it('the events of batches, and those of their jobs that are asked for', async () => {
    const { data, reads } = await ask(
      `{ batches(first: 5) { edges { node { batchId events(after: ${EVENTS - 1}) { seq jobStatus counts { ready } } jobs(from: 1, count: 2) { jobId } } } } }`,
    );
    for (const { events } of nodesOf(data.batches))
      expect(events).toEqual([{ seq: EVENTS, jobStatus: 'EXPIRED', counts: { ready: COUNTS.ready } }]);
    expect(reads).toBeLessThanOrEqual(3 + 2 * 5);
  });

  it('the jobs of a batch in the order in which they were asked for', async () => {
    const batch = { ...aLongBatch(), _id: newId() };
    const jobs = batch.jobIds.slice(3, 6).map((_id) => aJob({ _id, owner }));
    await mongo.collections.batches.insertOne(batch);
    await mongo.collections.jobs.insertMany(jobs.toReversed());
    const { data } = await ask(
      '{ batches(first: 1) { edges { node { batchId jobs(from: 3, count: 3) { jobId } } } } }',
    );
    const shown = { batchId: batch._id, jobs: batch.jobIds.slice(3, 6).map((jobId) => ({ jobId })) };
    expect(nodesOf(data.batches)).toEqual([shown]);
  });

  it('what deliveries say and what was tried', async () => {
    const { data, reads } = await ask(
      '{ webhookDeliveries(first: 10) { edges { node { body attempts { number responseHead } } } } }',
    );
    const [first, ...more] = nodesOf(data.webhookDeliveries);
    expect(JSON.parse(first.body)).toEqual({ text: 'x'.repeat(10_000) });
    expect(first.attempts).toHaveLength(10);
    expect(first.attempts[9]).toEqual({ number: 10, responseHead: 'x'.repeat(4096) });
    expect(more).toEqual(Array(9).fill(first));
    // One by one they would be 21.
    expect(reads).toBeLessThan(10);
  });

  it('the counts of a batch of an earlier version', async () => {
    const { ends, ...batch } = { ...aLongBatch(), _id: newId() };
    await mongo.collections.batches.insertOne(batch);
    const { data } = await ask(
      '{ batches(first: 1) { edges { node { counts { total pending ready failed cancelled expired } } } } }',
    );
    expect(nodesOf(data.batches)).toEqual([{ counts: COUNTS }]);
  });
});
