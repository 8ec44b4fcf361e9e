import type { Caller } from '../../domain/access/account.ts';
import { type AccountPlan, planRefusals, refuse } from '../../domain/access/account-plan.ts';
import { type Sender, UNKNOWN_SENDER } from '../../domain/access/client-address.ts';
import { type Batch, newBatch, requireBatchSize, requireLabel } from '../../domain/batches/batch.ts';
import { jobIdInBatch } from '../../domain/derived-ids.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { ofPart } from '../../domain/errors.ts';
import type { Upload } from '../../domain/files/file.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import {
  type AcceptedJob,
  type AcceptJobPorts,
  acceptJob,
  type JobRequest,
  requireOwner,
  type Submitter,
} from '../jobs/accept-job.ts';
import type { Admissions } from '../jobs/admissions.ts';
import type { Once } from '../jobs/once.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { batchStart } from './batch-start.ts';

export interface BatchRequest {
  dialect: Dialect;
  label?: string | null | undefined;
  jobs: readonly JobRequest[];
  /** Whether all results are wanted in one ZIP file as well. */
  archive?: boolean;
  /** The batch whose jobs these do again. */
  retryOf?: string;
  /** The caller's own name for the request: asked again under it, the answer is the same batch. */
  idempotencyKey?: string;
}

export interface SubmittedBatch {
  batch: Batch;
  /** In the order of the request. */
  jobs: AcceptedJob[];
}

export interface SubmitBatchPorts extends AcceptJobPorts {
  batches: Pick<BatchRepository, 'insertIfAbsent' | 'find' | 'endSubmission'>;
  jobs: Pick<JobRepository, 'insertMissing' | 'getMany'>;
  uploads: Pick<UploadRepository, 'insertMissing' | 'findMany'>;
  runner: Pick<WorkflowRunner, 'startBatch'>;
  admissions: Pick<Admissions, 'openUploads'>;
  once: Once;
  planOf(caller: Caller): Promise<AccountPlan>;
  concurrencyKeyOf(caller: Caller, sender: Sender): string;
}

/**
 * Accepts many conversions together, or none of them: what is wrong with one names its place, such as
 * `jobs.3.target`. The batch is written first, so that no job can end before something counts it.
 */
export function createSubmitBatch(ports: SubmitBatchPorts) {
  return async function submitBatch(
    caller: Caller,
    { idempotencyKey: key, ...request }: BatchRequest,
    sender: Sender = UNKNOWN_SENDER,
  ): Promise<SubmittedBatch> {
    const owner = requireOwner(caller);
    const concurrencyKey = ports.concurrencyKeyOf(caller, sender);
    return ports.once(
      { owner, key, content: { batch: request } },
      {
        find: (batchId) => find(ports, batchId),
        write: (submitted) => write(ports, concurrencyKey, submitted),
        accept: async (batchId) =>
          accept(
            ports,
            { caller, owner, concurrencyKey, plan: await ports.planOf(caller), batchId },
            request,
          ),
      },
    );
  };
}

async function find(
  { batches, jobs, uploads }: SubmitBatchPorts,
  id: string,
): Promise<SubmittedBatch | null> {
  const batch = await batches.find(id);
  if (!batch || batch.submitting) return null;
  const found = await jobs.getMany(batch.jobIds);
  const awaited = await uploads.findMany(found.map(({ inputs }) => inputs[0]?.fileId ?? ''));
  return {
    batch,
    jobs: found.map((job) => {
      const upload = awaited.get(job.inputs[0]?.fileId ?? '');
      return { job, upload: upload?.jobId === job._id ? upload : null };
    }),
  };
}

async function accept(
  ports: SubmitBatchPorts,
  submitter: Submitter & { batchId: string },
  request: BatchRequest,
): Promise<SubmittedBatch> {
  const { owner, plan, batchId } = submitter;
  requireBatches(plan, ports.limits.uploadBytes);
  requireBatchSize(request.jobs.length);
  const label = requireLabel(request.label);
  const jobs = await acceptAll(ports, submitter, request.jobs);
  const { dialect, archive = false, retryOf = null } = request;
  const jobIds = jobs.map(({ job }) => job._id);
  const batch = newBatch({ _id: batchId, owner, dialect, label, jobIds, wantsArchive: archive, retryOf });
  return { batch, jobs };
}

function requireBatches(plan: AccountPlan, serviceBytes: number): void {
  const demands = { callback: false, batch: true, size: undefined };
  const [refusal] = planRefusals(plan, demands, serviceBytes);
  if (refusal) throw refuse(refusal);
}

async function acceptAll(
  ports: SubmitBatchPorts,
  submitter: Submitter & { batchId: string },
  requests: readonly JobRequest[],
): Promise<AcceptedJob[]> {
  const accepted: AcceptedJob[] = [];
  for (const [index, request] of requests.entries()) {
    const jobId = jobIdInBatch(submitter.batchId, index);
    const job = acceptJob(ports, submitter, request, jobId).catch((error: unknown) => {
      throw ofPart(`jobs.${index}`, error, `Job ${index + 1}: `);
    });
    accepted.push(await job);
  }
  return accepted;
}

async function write(
  { batches, uploads, jobs, admissions, runner }: SubmitBatchPorts,
  concurrencyKey: string,
  { batch, jobs: accepted }: SubmittedBatch,
): Promise<SubmittedBatch> {
  const awaited = accepted.map(({ upload }) => upload).filter((upload): upload is Upload => upload !== null);
  const open = accepted.filter(({ upload }) => upload !== null).map(({ job }) => job._id);
  if (open.length > 0) await admissions.openUploads(concurrencyKey, open);
  await batches.insertIfAbsent(batch);
  await uploads.insertMissing(awaited);
  await jobs.insertMissing(accepted.map(({ job }) => job));
  await batches.endSubmission(batch._id);
  await runner.startBatch(batchStart(batch));
  return { batch, jobs: [...accepted] };
}
