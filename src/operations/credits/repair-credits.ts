import { creditsSpent, type Runs, SETTLED_MS } from '../../domain/credits/credits.ts';
import { hasCode } from '../../domain/errors.ts';
import { isTerminal } from '../../domain/jobs/job.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { CreditAccount, CreditRepository } from '../../store/credits.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { LedgerRepository } from '../../store/ledger.ts';

export interface RepairCreditsPorts {
  jobs: Pick<JobRepository, 'get'>;
  credits: Pick<
    CreditRepository,
    'adopt' | 'listDue' | 'scheduleCheck' | 'settle' | 'forgetJob' | 'forgetGrant'
  >;
  ledger: Pick<LedgerRepository, 'drain'>;
  log: Pick<Log, 'warn'>;
}

const PAGE = 500;
/** Accounts beyond these many pages wait for the next round. */
const MAX_PAGES = 10;
/** A job that ended this long ago settles no more by itself. */
const ABANDONED_MS = 10 * 60_000;
/** What could not be finished now is looked at again this long after. */
const AGAIN_MS = 60_000;

/**
 * Finishes what a crash left half-way: entries that the ledger does not have yet, and credits that are
 * held for a job which has ended. Forgets what was settled too long ago for anybody to ask again. An account
 * is looked at when something in it is due, and costs nothing otherwise.
 */
export function createRepairCredits({ jobs, credits, ledger, log }: RepairCreditsPorts) {
  let isFirst = true;

  async function repairPage(now: number): Promise<boolean> {
    const due = await credits.listDue(new Date(now), PAGE);
    await mapConcurrently(due, (account) =>
      repair(account, now).catch((error: unknown) => {
        log.warn(
          { accountId: account._id, error: String(error) },
          'could not repair the credits of an account; the next round tries again',
        );
      }),
    );
    return due.length === PAGE;
  }

  return async function repairCredits(now = Date.now()): Promise<void> {
    if (isFirst) await credits.adopt(new Date(now));
    isFirst = false;
    for (let page = 0; page < MAX_PAGES && (await repairPage(now)); page += 1);
  };

  async function repair(account: CreditAccount, now: number): Promise<void> {
    const { _id: accountId, holds, grants, pendingEntries } = account;
    for (const [jobId, runs] of Object.entries(holds)) await repairJob(account, jobId, runs, now);
    if (pendingEntries.length > 0) await ledger.drain(accountId);
    // What was given that long ago is in the ledger, unless it is among what was pending just now.
    for (const [name, { at }] of Object.entries(grants))
      if (now - at.getTime() > SETTLED_MS && pendingEntries.length === 0)
        await credits.forgetGrant(accountId, name);
    await credits.scheduleCheck(account, nextLook(account, now));
  }

  async function repairJob(account: CreditAccount, jobId: string, runs: Runs, now: number): Promise<void> {
    const all = Object.entries(runs);
    const held = all.filter(([, { state }]) => state === 'held');
    for (const [run, { at }] of held) {
      if (now - at.getTime() > ABANDONED_MS) await settleAbandoned(account._id, jobId, run, now);
    }
    const settledAt = Math.max(...all.map(([, { at }]) => at.getTime()));
    const drained = !account.pendingEntries.some(({ _id }) => _id.startsWith(`${jobId}:`));
    if (held.length === 0 && drained && now - settledAt > SETTLED_MS)
      await credits.forgetJob(account._id, jobId, runs);
  }

  async function settleAbandoned(accountId: string, jobId: string, run: string, now: number): Promise<void> {
    const job = await jobs.get(jobId).catch((error: unknown) => {
      if (hasCode(error, 'NOT_FOUND')) return null;
      throw error;
    });
    const ended = !job || (isTerminal(job.status) && now - job.updatedAt.getTime() > ABANDONED_MS);
    if (ended) await credits.settle({ accountId, jobId, run, used: job ? creditsSpent(job) : 0 });
  }
}

/** When something in the account will be due; null when there is nothing that could be. */
function nextLook({ holds, grants, pendingEntries }: CreditAccount, now: number): Date | null {
  const jobs = Object.values(holds).map((runs) => {
    const all = Object.values(runs);
    const held = all.filter(({ state }) => state === 'held').map(({ at }) => at.getTime() + ABANDONED_MS);
    const settled = all.map(({ at }) => at.getTime() + SETTLED_MS);
    return held.length > 0 ? Math.min(...held) : Math.max(...settled);
  });
  const given = Object.values(grants).map(({ at }) => at.getTime() + SETTLED_MS);
  // What was due is done, except what waited for the entries that were pending or for a job that goes on.
  const times = [...jobs, ...given, ...(pendingEntries.length > 0 ? [now] : [])];
  return times.length > 0 ? new Date(Math.max(Math.min(...times), now + AGAIN_MS)) : null;
}
