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
  /** Emits `credits.low` if this job took the account below the threshold. */
  noteSettled(accountId: string, jobId: string): Promise<void>;
}

/** Builds the activities that hold credits for a job and settle them once it has ended. Both may be repeated. */
export function createCharge({ jobs, credits, ledger, noteSettled }: ChargePorts) {
  return {
    /**
     * Holds credits of the owner's account. @throws KilnError WRONG_STATE if the job has ended,
     * INSUFFICIENT_CREDITS.
     */
    async holdCredits({ jobId, amount }: { jobId: string; amount: number }): Promise<void> {
      const job = await jobs.get(jobId);
      // The settlement of an ended job is over: nobody would release a new hold.
      if (isTerminal(job.status)) rejectTransition(job, 'processing');
      const accountId = chargedAccount(job.owner);
      if (!accountId)
        throw new KilnError('INSUFFICIENT_CREDITS', 'A guest has no media credits.', {
          hint: 'Use an account.',
        });
      await credits.hold({ accountId, jobId, run: CHARGE_RUN, amount });
    },

    /**
     * Captures what an ended job used and releases the rest. It reads the recorded end of the job, so that job and
     * ledger cannot disagree. @throws KilnError WRONG_STATE before the end.
     */
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
