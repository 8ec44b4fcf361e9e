import { hasCode } from '../../domain/errors.ts';
import { isTerminal, type Job } from '../../domain/jobs/job.ts';
import { queueLease, silenceLease, uploadLease } from '../../domain/jobs/job-lease.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { JobLeases, OverdueJob } from '../../store/job-leases.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { Admissions } from './admissions.ts';
import { jobStart } from './job-start.ts';

export interface RepairJobsPorts {
  leases: Pick<JobLeases, 'listOverdue' | 'renew' | 'drop' | 'adoptUnknown'>;
  uploads: Pick<UploadRepository, 'get'>;
  runner: Pick<WorkflowRunner, 'startJob' | 'uploadCompleted' | 'wakeJob'>;
  admissions: Pick<Admissions, 'positionOf'>;
  log: Pick<Log, 'warn'>;
}

const PAGE = 100;
/** A round that finds more ends after so long and leaves the rest to the next. */
const ROUND_MS = 10_000;

/**
 * Finishes what a crash left half-way: a job whose workflow was never started, ended by itself, or did not
 * hear of what the database knows. Only jobs are looked at that gave no sign of life in time. To start and to
 * tell do nothing where all is well.
 */
export function createRepairJobs({ leases, uploads, runner, admissions, log }: RepairJobsPorts) {
  let adopted = false;

  /** @returns how many jobs were looked at. */
  return async function repairJobs(now = Date.now(), signal?: AbortSignal): Promise<number> {
    if (!adopted) await leases.adoptUnknown(new Date(now));
    adopted = true;
    const end = performance.now() + ROUND_MS;
    for (let looked = 0; ; ) {
      const page = await leases.listOverdue(new Date(now), PAGE);
      const repaired = await mapConcurrently(page, async (job) => !signal?.aborted && repair(job));
      looked += page.length;
      const isDone = page.length < PAGE || !repaired.every(Boolean);
      if (isDone || signal?.aborted || performance.now() > end) return looked;
    }
  };

  /** @returns whether the job is in good hands now, as far as this call could see to it. */
  async function repair({ _id, repairAt, updatedAt }: OverdueJob): Promise<boolean> {
    const until = silenceLease({ updatedAt });
    // Renewed before: of several processes one looks, and it sees the job as it is now.
    const job = await leases.renew(_id, repairAt, until);
    if (!job) return true;
    try {
      const rest = await notifyWorkflow(job);
      if (rest) await leases.renew(_id, until, rest);
      if (isTerminal(job.status)) await leases.drop(_id, until);
      return true;
    } catch (error) {
      log.warn(
        { jobId: _id, error: String(error) },
        'could not repair a stalled job; the next round tries again',
      );
      await leases.renew(_id, until, new Date());
      return !hasCode(error, 'UNAVAILABLE');
    }
  }

  /** Says what the database knows. @returns how long the job may rest then, where it waits for something. */
  async function notifyWorkflow(job: Job): Promise<Date | null> {
    if (isTerminal(job.status)) {
      await runner.wakeJob(job._id);
      return null;
    }
    // Whoever waits for a turn is called when it comes, and needs no workflow before.
    if ((await admissions.positionOf(job)) !== null) return queueLease();
    const start = jobStart(job);
    if (await hasArrived(job)) {
      await runner.uploadCompleted(start);
      return null;
    }
    await runner.startJob(start);
    const rest = uploadLease(job.uploadDeadline);
    return rest.getTime() > Date.now() ? rest : null;
  }

  /**
   * Whether the upload was completed, or refused for good. A job that the database has further on may have a
   * workflow that still waits for it: the step was written, and then the news died with a process.
   */
  async function hasArrived({ status, inputs }: Job): Promise<boolean> {
    const inputId = inputs[0]?.fileId;
    if (status !== 'awaiting_upload' || inputId === undefined) return true;
    const upload = await uploads.get(inputId).catch(unlessMissing);
    return upload?.state === 'finalized' || upload?.state === 'rejected';
  }
}

function unlessMissing(error: unknown): null {
  if (hasCode(error, 'NOT_FOUND')) return null;
  throw error;
}
