import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Hold, type PendingEntry, SETTLED_MS } from '../../../src/domain/credits/credits.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import type { Job } from '../../../src/domain/jobs/job.ts';
import {
  createRepairCredits,
  type RepairCreditsPorts,
} from '../../../src/operations/credits/repair-credits.ts';
import type { CreditAccount } from '../../../src/store/credits.ts';
import { aJob } from '../../support/records.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ago = (ms: number) => new Date(NOW - ms);

const held = (ms: number): Hold => ({ amount: 3, state: 'held', at: ago(ms) });
const captured = (ms: number): Hold => ({ amount: 3, state: 'captured', at: ago(ms) });
const anAccount = (different: Partial<CreditAccount> = {}): CreditAccount => ({
  _id: 'a',
  available: 0,
  held: 0,
  holds: {},
  grants: {},
  pendingEntries: [],
  entrySeq: 0,
  ...different,
});

/** A round over pages of accounts whose jobs are these; what it did, in order. */
function repairing(pages: CreditAccount[][], jobs: Job[] = [], different: Partial<RepairCreditsPorts> = {}) {
  const done: string[] = [];
  const said: unknown[] = [];
  const repair = createRepairCredits({
    jobs: {
      async get(id) {
        const found = jobs.find(({ _id }) => _id === id);
        if (!found) throw new KilnError('NOT_FOUND', 'There is no such job.');
        return found;
      },
    },
    credits: {
      adopt: async () => void done.push('adopt'),
      listDue: async () => pages.shift() ?? [],
      async scheduleCheck({ _id }, at) {
        await setImmediate();
        done.push(`look at ${_id} ${at === null ? 'never' : `in ${(at.getTime() - NOW) / MINUTE} min`}`);
      },
      // Later than whoever does not wait for it.
      async settle({ jobId, run, used }) {
        await setImmediate();
        done.push(`settle ${jobId} ${run} ${used}`);
      },
      forgetJob: async (_id, jobId) => void done.push(`forget ${jobId}`),
      async forgetGrant(_id, name) {
        await setImmediate();
        done.push(`forget grant ${name}`);
      },
    },
    ledger: { drain: async (id) => void done.push(`drain ${id}`) },
    log: { warn: (what: unknown) => void said.push(what) },
    ...different,
  } as RepairCreditsPorts);
  return { done, said, round: () => repair(NOW) };
}

async function doneTo(account: Partial<CreditAccount>, jobs: Job[] = []): Promise<string[]> {
  const { done, round } = repairing([[anAccount(account)]], jobs);
  await round();
  return done.slice(1);
}

const job = (status: Job['status'], endedMs: number, spent = 2) =>
  aJob({ _id: 'job', status, spent, updatedAt: ago(endedMs) });

describe('credits that are held', () => {
  it.each<[string, number, Job[], string[]]>([
    ['are paid where the job became ready', 11, [job('ready', 11 * MINUTE)], ['settle job run 2']],
    ['are given back where it did not', 11, [job('failed', 11 * MINUTE)], ['settle job run 0']],
    ['are given back where there is no job', 11, [], ['settle job run 0']],
    ['stay while the job goes on', 11, [job('processing', 11 * MINUTE)], []],
    ['stay while the job may settle them itself', 11, [job('ready', 10 * MINUTE)], []],
    ['stay for ten minutes in any case', 10, [], []],
  ])('%s', async (_what, minutes, jobs, calls) => {
    const done = await doneTo({ holds: { job: { run: held(minutes * MINUTE) } } }, jobs);
    expect(done.slice(0, -1)).toEqual(calls);
    expect(done.at(-1)).toBe('look at a in 1 min');
  });

  it('are looked at when their ten minutes are over', async () => {
    expect(await doneTo({ holds: { job: { run: held(3 * MINUTE) } } })).toEqual(['look at a in 7 min']);
  });

  it('stay while nobody can say what became of the job, which is said', async () => {
    const { done, said, round } = repairing([[anAccount({ holds: { job: { run: held(HOUR) } } })]], [], {
      jobs: { get: () => Promise.reject(new KilnError('UNAVAILABLE', 'Away.')) },
    });
    await round();
    expect(done).toEqual(['adopt']);
    expect(said).toEqual([{ accountId: 'a', error: 'KilnError: Away.' }]);
  });
});

describe('what is settled', () => {
  it.each([
    [SETTLED_MS, 'look at a in 1 min', []],
    [SETTLED_MS + 1, 'look at a in 1 min', ['forget job']],
    [SETTLED_MS - 30 * MINUTE, 'look at a in 30 min', []],
  ])('is forgotten after an hour: %d ms', async (ms, look, calls) => {
    const runs = { first: captured(HOUR * 5), run: captured(ms) };
    expect(await doneTo({ holds: { job: runs } })).toEqual([...calls, look]);
    expect(await doneTo({ grants: { g: { amount: 1, at: ago(ms) } } })).toEqual([
      ...calls.map(() => 'forget grant g'),
      look,
    ]);
  });

  it('stays while a run of the same job is held', async () => {
    const runs = { first: captured(HOUR * 5), run: held(MINUTE) };
    expect(await doneTo({ holds: { job: runs } })).toEqual(['look at a in 9 min']);
  });

  it('stays until the ledger has it', async () => {
    const pendingEntries = [{ _id: 'job:run:capture' }] as PendingEntry[];
    const holds = { job: { run: captured(HOUR * 5) }, other: { run: captured(HOUR * 5) } };
    const grants = { g: { amount: 1, at: ago(HOUR * 5) } };
    expect(await doneTo({ holds, grants, pendingEntries })).toEqual([
      'forget other',
      'drain a',
      'look at a in 1 min',
    ]);
  });
});

describe('a round', () => {
  it('takes up accounts of earlier versions once', async () => {
    const { done, round } = repairing([]);
    await round();
    await round();
    expect(done).toEqual(['adopt']);
  });

  it('does not look again where nothing will be due', async () => {
    expect(await doneTo({})).toEqual(['look at a never']);
  });

  it('goes on after a full page, and leaves what is beyond ten of them to the next', async () => {
    const page = () => Array.from({ length: 500 }, (_, i) => anAccount({ _id: `${i}` }));
    const short = repairing([page(), page().slice(1), page()]);
    await short.round();
    expect(short.done).toHaveLength(1 + 999);
    const long = repairing(Array.from({ length: 12 }, page));
    await long.round();
    expect(long.done).toHaveLength(1 + 5000);
  });
});
