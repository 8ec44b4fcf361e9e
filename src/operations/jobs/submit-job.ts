import type { Caller } from '../../domain/access/account.ts';
import type { AccountPlan } from '../../domain/access/account-plan.ts';
import { type Sender, UNKNOWN_SENDER } from '../../domain/access/client-address.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import {
  type AcceptedJob,
  type AcceptJobPorts,
  acceptJob,
  type JobRequest,
  requireOwner,
} from './accept-job.ts';
import type { Admissions } from './admissions.ts';
import { jobStart } from './job-start.ts';
import type { Once } from './once.ts';

export interface SubmitJobPorts extends AcceptJobPorts {
  jobs: Pick<JobRepository, 'insertIfAbsent' | 'find'>;
  uploads: Pick<UploadRepository, 'insertIfAbsent' | 'find'>;
  runner: Pick<WorkflowRunner, 'startJob'>;
  admissions: Pick<Admissions, 'openUploads'>;
  once: Once;
  planOf(caller: Caller): Promise<AccountPlan>;
  /** Returns the concurrency key: whom limits count for. */
  concurrencyKeyOf(caller: Caller, sender: Sender): string;
}

/**
 * Builds `submitJob`, which validates a request, stores the job and starts its workflow, in this order: after a
 * crash in between, the repair starts it. @throws KilnError before anything is written.
 */
export function createSubmitJob(ports: SubmitJobPorts) {
  async function find(jobId: string): Promise<AcceptedJob | null> {
    const job = await ports.jobs.find(jobId);
    if (!job) return null;
    const upload = await ports.uploads.find(job.inputs[0]?.fileId ?? '');
    // An input file that existed before has an upload that is not this job's.
    return { job, upload: upload?.jobId === jobId ? upload : null };
  }

  async function write(concurrencyKey: string, { job, upload }: AcceptedJob): Promise<AcceptedJob> {
    if (upload) {
      await ports.admissions.openUploads(concurrencyKey, [job._id]);
      await ports.uploads.insertIfAbsent(upload);
    }
    // Another call was first and starts it; by now the job may have ended, and must not begin again.
    if (!(await ports.jobs.insertIfAbsent(job))) return (await find(job._id)) ?? { job, upload };
    await ports.runner.startJob(jobStart(job));
    return { job, upload };
  }

  return async function submitJob(
    caller: Caller,
    { idempotencyKey: key, ...request }: JobRequest,
    sender: Sender = UNKNOWN_SENDER,
  ): Promise<AcceptedJob> {
    const owner = requireOwner(caller);
    const concurrencyKey = ports.concurrencyKeyOf(caller, sender);
    return ports.once(
      { owner, key, content: { job: request } },
      {
        find,
        write: (accepted) => write(concurrencyKey, accepted),
        accept: async (jobId) =>
          acceptJob(
            ports,
            { caller, owner, concurrencyKey, plan: await ports.planOf(caller) },
            request,
            jobId,
          ),
      },
    );
  };
}
