import { creditsSpent, type Runs, SETTLED_MS } from '../domain/credits.ts';
import { ConversionError } from '../domain/errors.ts';
import { isTerminal } from '../domain/job.ts';
import type { CreditAccount, CreditRepository } from '../store/credits.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { LedgerRepository } from '../store/ledger.ts';

export interface RepairCreditsPorts {
  jobs: Pick<JobRepository, 'get'>;
  credits: Pick<CreditRepository, 'list' | 'settle' | 'forgetJob' | 'forgetGrant'>;
  ledger: Pick<LedgerRepository, 'drain'>;
}

const PAGE = 500;
/** A job that ended this long ago settles no more by itself. */
const ABANDONED_MS = 10 * 60_000;

/**
 * Finishes what a crash left half-way: entries that the ledger does not have yet, and credits that are
 * held for a job which has ended. Forgets what was settled too long ago for anybody to ask again.
 */
export function createRepairCredits({ jobs, credits, ledger }: RepairCreditsPorts) {
  let last = '';
  return async function repairCredits(now = Date.now()): Promise<void> {
    const accounts = await credits.list(last, PAGE);
    // Each round takes the next page, then begins again.
    last = accounts.length === PAGE ? (accounts.at(-1)?._id ?? '') : '';
    for (const account of accounts) await repair(account, now);
  };

  async function repair(account: CreditAccount, now: number): Promise<void> {
    const { _id: accountId, holds, grants, pendingEntries } = account;
    for (const [jobId, runs] of Object.entries(holds)) await repairJob(account, jobId, runs, now);
    if (pendingEntries.length > 0) await ledger.drain(accountId);
    // What was given that long ago is in the ledger, unless it is among what was pending just now.
    for (const [name, { at }] of Object.entries(grants))
      if (now - at.getTime() > SETTLED_MS && pendingEntries.length === 0)
        await credits.forgetGrant(accountId, name);
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
      if (error instanceof ConversionError && error.code === 'NOT_FOUND') return null;
      throw error;
    });
    const ended = !job || (isTerminal(job.status) && now - job.updatedAt.getTime() > ABANDONED_MS);
    if (ended) await credits.settle({ accountId, jobId, run, used: job ? creditsSpent(job) : 0 });
  }
}
