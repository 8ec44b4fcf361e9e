import type { Caller } from '../domain/account.ts';
import type { AccountPlan } from '../domain/account-plan.ts';
import { type Sender, UNKNOWN_SENDER } from '../domain/client-address.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { UploadRepository } from '../store/uploads.ts';
import {
  type AcceptedJob,
  type AcceptJobPorts,
  acceptJob,
  type JobWish,
  requireOwner,
} from './accept-job.ts';
import type { Admissions } from './admissions.ts';
import { jobStart } from './job-start.ts';
import type { WorkflowRunner } from './runner.ts';

export interface SubmitJobPorts extends AcceptJobPorts {
  jobs: Pick<JobRepository, 'insert'>;
  uploads: Pick<UploadRepository, 'insert'>;
  runner: Pick<WorkflowRunner, 'startJob'>;
  admissions: Pick<Admissions, 'openUploads'>;
  planOf(caller: Caller): Promise<AccountPlan>;
  /** Whom limits count for. */
  laneOf(caller: Caller, sender: Sender): string;
}

/**
 * Accepts a conversion, or says before anything is written why not.
 * The database knows the job before the workflow starts, so a crash in between loses nothing.
 */
export function createSubmitJob(ports: SubmitJobPorts) {
  return async function submitJob(
    caller: Caller,
    wish: JobWish,
    sender: Sender = UNKNOWN_SENDER,
  ): Promise<AcceptedJob> {
    const owner = requireOwner(caller);
    const lane = ports.laneOf(caller, sender);
    const plan = await ports.planOf(caller);
    const { job, upload } = await acceptJob(ports, { caller, owner, lane, plan }, wish);
    if (upload) {
      await ports.admissions.openUploads(lane, [job._id]);
      await ports.uploads.insert(upload);
    }
    await ports.jobs.insert(job);
    await ports.runner.startJob(jobStart(job));
    return { job, upload };
  };
}
