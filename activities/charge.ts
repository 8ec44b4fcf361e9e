import type { Capabilities } from '../src/app/app.ts';
import { CHARGE_RUN, chargedAccount, creditsSpent } from '../src/domain/credits/credits.ts';
import { KilnError } from '../src/domain/errors.ts';
import { isTerminal, refuseMove } from '../src/domain/jobs/job.ts';

/** Sets credits aside for a job that costs some, and settles them once it has ended. Both may be repeated. */
export function createCharge({ jobs, credits, ledger, noteSettled }: Capabilities) {
  return {
    async holdCredits({ jobId, amount }: { jobId: string; amount: number }): Promise<void> {
      const job = await jobs.get(jobId);
      // What this would hold, nobody would settle again.
      if (isTerminal(job.status)) refuseMove(job, 'processing');
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
