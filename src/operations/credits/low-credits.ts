import { ownerKey } from '../../domain/jobs/job.ts';
import type { LowCreditRepository } from '../../store/low-credits.ts';
import type { Emit } from '../webhooks/emit.ts';

export interface LowCreditsPorts {
  lowCredits: LowCreditRepository;
  emit: Emit;
  monthlyCreditsOf(plan: string): Promise<number>;
}

/** Less than this share of a month's credits is little. */
const LOW_SHARE = 0.1;

/** Notices when an account's credits get low, once each time that they do. */
export function createLowCredits({ lowCredits, emit, monthlyCreditsOf }: LowCreditsPorts) {
  return {
    /** After a job was settled. The job that took the account below the line is the cause, so a repeat agrees. */
    async noteSettled(accountId: string, jobId: string): Promise<void> {
      const before = await lowCredits.find(accountId);
      const monthly = await monthlyCreditsOf(before.plan);
      const line = monthly * LOW_SHARE;
      if (line === 0) return;
      const { available = 0 } = before;
      if (available >= line) {
        if (before.lowCause !== undefined) await lowCredits.clear(accountId, line);
        return;
      }
      if (before.lowCause === undefined) await lowCredits.mark(accountId, line, jobId);
      if ((await lowCredits.find(accountId)).lowCause !== jobId) return;
      await emit({
        owner: ownerKey({ accountId }),
        type: 'credits.low',
        subjectId: accountId,
        cause: jobId,
        data: { accountId, available, monthlyCredits: monthly },
      });
    },

    /** After a grant: the next time counts again. */
    async noteGranted(accountId: string): Promise<void> {
      const { plan } = await lowCredits.find(accountId);
      await lowCredits.clear(accountId, (await monthlyCreditsOf(plan)) * LOW_SHARE);
    },
  };
}
