import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/domain/batches/batch.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import {
  createRepairBatches,
  type RepairBatchesPorts,
} from '../../../src/operations/batches/repair-batches.ts';
import { aBatch } from '../../support/records.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const SECOND = 1000;

/** A batch of two, all written, in which nothing has happened for so long. */
function silentFor(seconds: number, different: Partial<Batch> = {}): Batch {
  const updatedAt = new Date(NOW - seconds * SECOND);
  const { submitting, ...written } = aBatch({ _id: 'batch', jobIds: ['a', 'b'], updatedAt });
  return { ...written, ...different };
}

function repairing(due: Batch[], statuses: Record<string, JobStatus> = {}, fault?: Error) {
  const done: string[] = [];
  const said: unknown[] = [];
  const repairBatches = createRepairBatches({
    batches: {
      listDue: async () => due,
      scheduleCheck: async ({ _id }, at) =>
        void done.push(`look at ${_id} in ${(at.getTime() - NOW) / SECOND} s`),
    },
    jobs: {
      statusesOf: async (ids) => new Map(Object.entries(statuses).filter(([id]) => ids.includes(id))),
    },
    runner: {
      async startBatch({ batchId }) {
        if (fault && batchId === 'batch') throw fault;
        done.push(`start ${batchId}`);
      },
      signalBatch: async ({ batchId }, request) => void done.push(`${request} ${batchId}`),
    },
    log: { warn: (what: unknown) => void said.push(what) },
  } as RepairBatchesPorts);
  return { done, said, round: () => repairBatches(NOW) };
}

const WAITING = { a: 'queued', b: 'processing' } as const;

describe('a batch that is looked at', () => {
  it.each<[string, Batch, Record<string, JobStatus>, string]>([
    ['begins if it only waits', silentFor(60), WAITING, 'start batch'],
    ['counts a job that has ended', silentFor(60), { ...WAITING, a: 'ready' }, 'count batch'],
    ['counts a job that was never written', silentFor(60), { a: 'queued' }, 'count batch'],
    [
      'counts when all were counted, and it has not ended',
      silentFor(60, { outcomes: { a: 'ready', b: 'failed' } }),
      {},
      'count batch',
    ],
    ['ends if somebody asked for that', silentFor(60, { cancelReason: 'enough' }), WAITING, 'cancel batch'],
  ])('%s', async (_what, batch, statuses, call) => {
    const { done, round } = repairing([batch], statuses);
    expect(await round()).toBe(1);
    expect(done).toEqual([call, 'look at batch in 60 s']);
  });

  it.each([
    [silentFor(30), 30],
    [silentFor(5), 30],
    [silentFor(60, { submitting: true }), 60],
  ])('is left alone while it is in good hands', async (batch, seconds) => {
    const { done, round } = repairing([batch], WAITING);
    expect(await round()).toBe(0);
    expect(done).toEqual([`look at batch in ${seconds} s`]);
  });

  it('is looked at less and less often, down to every five minutes', async () => {
    const { done, round } = repairing([silentFor(200), silentFor(3600)], WAITING);
    expect(await round()).toBe(2);
    expect(done.filter((call) => call.startsWith('look'))).toEqual([
      'look at batch in 200 s',
      'look at batch in 300 s',
    ]);
  });

  it('does not hide the others when it cannot be repaired, which is said', async () => {
    const both = [silentFor(60), silentFor(60, { _id: 'other' })];
    const { done, said, round } = repairing(both, WAITING, new Error('away'));
    expect(await round()).toBe(2);
    expect(done).toEqual(['start other', 'look at other in 60 s']);
    expect(said).toEqual([{ batchId: 'batch', error: 'Error: away' }]);
  });
});
