import type { Job } from '../domain/job.ts';
import type { Log } from '../log.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { UploadRepository } from '../store/uploads.ts';
import type { Admissions } from './admissions.ts';
import { jobStart } from './job-start.ts';
import type { WorkflowRunner } from './runner.ts';

export interface RepairJobsPorts {
  jobs: JobRepository;
  uploads: UploadRepository;
  runner: WorkflowRunner;
  admissions: Pick<Admissions, 'positionOf'>;
  log: Log;
}

/** A job that was touched more recently is taken to be in good hands. */
const STALLED_MS = 10_000;
const PAGE = 500;

/**
 * Finishes what a crash left half-way: a job whose workflow was never started, or whose upload
 * was completed without the workflow hearing of it. Both calls do nothing where all is well.
 */
export function createRepairJobs({ jobs, uploads, runner, admissions, log }: RepairJobsPorts) {
  let last = '';
  return async function repairJobs(): Promise<number> {
    const before = new Date(Date.now() - STALLED_MS);
    const stalled = await jobs.listStalled({ before, after: last, limit: PAGE });
    // Each round takes the next page, then begins again: jobs that only wait must not hide the others.
    last = stalled.length === PAGE ? (stalled.at(-1)?._id ?? '') : '';
    for (const job of stalled) {
      await repair(job).catch((error: unknown) => {
        log.warn(
          { jobId: job._id, error: String(error) },
          'could not repair a stalled job; the next round tries again',
        );
      });
    }
    return stalled.length;
  };

  async function repair(job: Job): Promise<void> {
    // Whoever waits for a turn is called when it comes, and needs no workflow before.
    if ((await admissions.positionOf(job)) !== null) return;
    const start = jobStart(job);
    await ((await hasArrived(job)) ? runner.uploadCompleted(start) : runner.startJob(start));
  }

  /**
   * Whether the upload was completed, or refused for good. A job that the database has further on may have a
   * workflow that still waits for it: the step was written, and then the news died with a process.
   */
  async function hasArrived({ status, inputs }: Job): Promise<boolean> {
    const inputId = inputs[0]?.fileId;
    if (status !== 'awaiting_upload' || inputId === undefined) return true;
    const upload = await uploads.get(inputId).catch(() => null);
    return upload?.state === 'finalized' || upload?.state === 'rejected';
  }
}
