import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { type Db, MongoClient } from 'mongodb';
import { isTerminal, type Job } from '../../../src/domain/jobs/job.ts';
import { createReconcile } from '../../../src/operations/credits/reconcile.ts';
import { createCreditRepository } from '../../../src/store/credits.ts';
import { createLedgerRepository } from '../../../src/store/ledger.ts';
import type { Collections } from '../../../src/store/mongo/mongo.ts';

/** Where a service stores its records. */
interface Records {
  mongoUri: string;
  temporalAddress: string;
}

const POLL_MS = 500;
/** Collections of jobs that have not ended; an ended job must not be in them. */
const PLACES = /admission|wait|slot/i;
const BROKEN = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')";
const OPEN = "ExecutionStatus = 'Running' AND WorkflowType = 'conversionJob'";

/** Repeats `look` until it finds nothing, for up to `timeoutMs`. @returns what it found last. */
export async function untilNothing(look: () => Promise<string[]>, timeoutMs: number): Promise<string[]> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found.length === 0 || Date.now() > end) return found;
    await sleep(POLL_MS);
  }
}

/** Runs `work` on the database, past Kiln. */
export async function withDatabase<T>({ mongoUri }: Records, work: (db: Db) => Promise<T>): Promise<T> {
  const mongo = await MongoClient.connect(mongoUri);
  try {
    return await work(mongo.db('kiln'));
  } finally {
    await mongo.close();
  }
}

/** Returns ended jobs that still hold an admission, each with the collection that says so. */
export async function leakedPlaces(db: Db): Promise<string[]> {
  const collections = (await db.collections()).filter(({ collectionName }) => PLACES.test(collectionName));
  const texts = await Promise.all(
    collections.map(async (one) => ({
      name: one.collectionName,
      text: JSON.stringify(await one.find().toArray()),
    })),
  );
  const ended = db.collection<Job>('jobs').find({}, { projection: { status: 1 } });
  const leaks: string[] = [];
  for await (const { _id, status } of ended)
    if (isTerminal(status))
      leaks.push(
        ...texts.filter(({ text }) => text.includes(_id)).map(({ name }) => `${_id} (${status}) in ${name}`),
      );
  return leaks;
}

/** Returns every ended job whose timeline does not have exactly one end. */
export async function crookedTimelines(db: Db): Promise<string[]> {
  const crooked: string[] = [];
  for await (const { _id, status, events, outputs } of db.collection<Job>('jobs').find()) {
    if (!isTerminal(status)) continue;
    const ends = events.filter((event) => event.type === 'status' && isTerminal(event.status));
    const causes = new Set(events.map(({ cause }) => cause));
    if (ends.length !== 1 || ends[0]?.status !== status || causes.size !== events.length)
      crooked.push(
        `${_id} is ${status}: ${events.map((event) => `${event.status} (${event.cause})`).join(', ')}`,
      );
    if (outputs.length !== (status === 'ready' ? 1 : 0)) crooked.push(`${_id} has ${outputs.length} outputs`);
  }
  return crooked;
}

/** Returns what does not agree between balances and ledger. */
export async function differences(db: Db): Promise<string[]> {
  const collections = { accounts: db.collection('accounts'), ledger: db.collection('ledger') };
  const credits = createCreditRepository(collections as unknown as Collections);
  const ledger = createLedgerRepository(collections as unknown as Collections);
  const { differences: found } = await createReconcile({ credits, ledger })();
  return found.map((difference) => JSON.stringify(difference));
}

/** Returns blobs and half-written files that no record names. */
export async function orphanBlobs(db: Db, dataDir: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  const [files, uploads] = await Promise.all([
    db.collection('files').distinct('blobId'),
    db.collection('uploads').distinct('blobId'),
  ]);
  const known = new Set([...files, ...uploads]);
  return entries.filter((entry) => entry.isFile() && !known.has(entry.name)).map(({ name }) => name);
}

/** Returns workflows of these jobs that have failed or have not ended. */
export async function badWorkflows(
  { temporalAddress }: Records,
  jobIds: ReadonlySet<string>,
): Promise<string[]> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    const client = new Client({ connection });
    const bad: string[] = [];
    for (const query of [BROKEN, OPEN])
      for await (const { workflowId, status } of client.workflow.list({ query }))
        if (jobIds.has(workflowId.replace('job:', '')))
          bad.push(`${workflowId} ${status.name} ${await whereItStands(client, workflowId)}`);
    return bad;
  } finally {
    await connection.close();
  }
}

/** Describes a workflow for debugging: its phase, and what it waits for. */
async function whereItStands(client: Client, workflowId: string): Promise<string> {
  const handle = client.workflow.getHandle(workflowId);
  const { raw, historyLength } = await handle.describe();
  const phase = await client
    .withDeadline(Date.now() + 5000, () => handle.query<string>('phase'))
    .catch(() => '?');
  const pending = (raw.pendingActivities ?? []).map(
    ({ activityType, attempt, lastFailure }) =>
      `${activityType?.name} attempt ${attempt} ${lastFailure?.message}`,
  );
  return `(${phase}, ${historyLength} events, pending: ${pending.join('; ')})`;
}
