import { CHARGE_RUN, chargedAccount, creditsSpent } from '../src/domain/credits/credits.ts';
import { KilnError } from '../src/domain/errors.ts';
import { isTerminal, rejectTransition } from '../src/domain/jobs/job.ts';
import type { CreditRepository } from '../src/store/credits.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import type { LedgerRepository } from '../src/store/ledger.ts';

export interface ChargePorts {
  jobs: Pick<JobRepository, 'get'>;
  credits: Pick<CreditRepository, 'hold' | 'settle'>;
  ledger: Pick<LedgerRepository, 'drain'>;
  /** Looks whether the account has few credits left, and tells who wants to know. */
  noteSettled(accountId: string, jobId: string): Promise<void>;
}

/** Sets credits aside for a job that costs some, and settles them once it has ended. Both may be repeated. */
export function createCharge({ jobs, credits, ledger, noteSettled }: ChargePorts) {
  return {
    async holdCredits({ jobId, amount }: { jobId: string; amount: number }): Promise<void> {
      const job = await jobs.get(jobId);
      // What this would hold, nobody would settle again.
      if (isTerminal(job.status)) rejectTransition(job, 'processing');
      const accountId = chargedAccount(job.owner);
      if (!accountId)
        throw new KilnError('INSUFFICIENT_CREDITS', 'A guest has no media credits.', {
          hint: 'Use an account.',
        });
      await credits.hold({ accountId, jobId, run: CHARGE_RUN, amount });
    },

    /** How the job ended decides, and that is written before: job and ledger cannot disagree. */
    async settleCredits({ jobId }: { jobId: string }): Promise<void> {
      const job = await jobs.get(jobId);
      const accountId = chargedAccount(job.owner);
      if (!accountId) return;
      if (!isTerminal(job.status))
        throw new KilnError('WRONG_STATE', 'The job has not ended: nothing can be settled yet.');
      await credits.settle({ accountId, jobId, run: CHARGE_RUN, used: creditsSpent(job) });
      await ledger.drain(accountId);
      await noteSettled(accountId, jobId);
    },
  };
}
