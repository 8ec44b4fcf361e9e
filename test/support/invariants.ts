import { expect } from 'vitest';
import type { LedgerEntry } from '../../src/domain/credits/credits.ts';
import { outputFileId } from '../../src/domain/derived-ids.ts';
import { outputBlobs } from '../../src/domain/files/blob-name.ts';
import { isTerminal, type Job } from '../../src/domain/jobs/job.ts';
import { type JobHarness, USED } from './harness/job-harness.ts';
import { openMoney, sumOfLedger } from './money.ts';

/** What is looked at: the real things below the harness, undisturbed. */
type SoundHarness = Pick<JobHarness, 'collections' | 'blobs' | 'credits'>;

/** How many jobs ended in which way. */
export type Ends = Partial<Record<Job['status'], number>>;

/**
 * What must hold of an account once the workflows of its jobs have ended, whatever happened to them: each
 * job has one end, and event, result, ledger and balance agree with it.
 */
export async function expectSound(harness: SoundHarness, accountId: string): Promise<Ends> {
  const { credits, ledger, reconcile } = openMoney(harness.collections);
  await ledger.drain(accountId);
  const { entries, ...sum } = await sumOfLedger(harness.collections, accountId);
  const { available, held, holds } = await credits.get(accountId);
  expect(sum).toEqual({ available, held });
  expect(held).toBe(0);
  const states = Object.values(holds).flatMap((runs) => Object.values(runs).map(({ state }) => state));
  expect(states).not.toContain('held');
  expect((await reconcile()).differences).toEqual([]);

  const ends: Ends = {};
  const movements = Map.groupBy(entries, ({ subject }) => subject);
  const jobs = await harness.collections.jobs.find({ owner: `account:${accountId}` }).toArray();
  for (const job of jobs) {
    expectOneEnd(job);
    expectPaid(job, movements.get(job._id) ?? []);
    await expectResult(harness, job);
    ends[job.status] = (ends[job.status] ?? 0) + 1;
  }
  return ends;
}

/** Every file has its bytes, and there are no others: no half-written ones, none of what was given up. */
export async function expectCleanDisk({ collections, filesOnDisk }: JobHarness): Promise<void> {
  const files = await collections.files.find().toArray();
  expect((await filesOnDisk()).sort()).toEqual(files.map(({ blobId }) => blobId).sort());
}

function expectOneEnd({ _id, status, events, seq, finishedAt }: Job): void {
  const states = events.filter(({ type }) => type === 'status').map((event) => event.status);
  expect(isTerminal(status), `${_id} is ${status}`).toBe(true);
  expect(states.filter(isTerminal), _id).toEqual([status]);
  expect(states.at(-1), _id).toBe(status);
  expect(new Set(events.map(({ cause }) => cause)).size, _id).toBe(seq);
  expect(finishedAt, _id).toBeInstanceOf(Date);
}

/** What is ready has been captured once; whatever else was held came back. */
function expectPaid({ _id, status, spent }: Job, entries: readonly LedgerEntry[]): void {
  const kinds = entries.toSorted((left, right) => left.seq - right.seq).map(({ kind }) => kind);
  if (status === 'ready') {
    expect(kinds, _id).toEqual(['hold', 'capture', 'release']);
    expect(entries.find(({ kind }) => kind === 'capture')?.change.held, _id).toBe(-USED);
    expect(spent, _id).toBe(USED);
  } else {
    expect([[], ['hold', 'release']], _id).toContainEqual(kinds);
    expect(spent, _id).toBeUndefined();
  }
}

async function expectResult(
  { collections, blobs }: SoundHarness,
  { _id, status, outputs }: Job,
): Promise<void> {
  const fileId = outputFileId(_id, 0);
  const file = await collections.files.findOne({ _id: fileId });
  const attempts = await blobs.attemptsAt(outputBlobs(_id, 0));
  if (status === 'ready') {
    expect(outputs, _id).toMatchObject([{ fileId, size: file?.size, sha256: file?.sha256 }]);
    expect(attempts, _id).toEqual([file?.blobId]);
    expect(await blobs.size(file?.blobId ?? ''), _id).toBe(file?.size);
  } else expect([outputs, file, attempts], _id).toEqual([[], null, []]);
}
