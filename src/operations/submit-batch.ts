import type { Caller } from '../domain/account.ts';
import { type AccountPlan, refuse, wishRefusals } from '../domain/account-plan.ts';
import { type Batch, newBatch, requireBatchSize, requireLabel } from '../domain/batch.ts';
import { type Sender, UNKNOWN_SENDER } from '../domain/client-address.ts';
import { ConversionError } from '../domain/errors.ts';
import type { Upload } from '../domain/file.ts';
import { newId } from '../domain/id.ts';
import type { Dialect } from '../domain/job.ts';
import type { BatchRepository } from '../store/batches.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { UploadRepository } from '../store/uploads.ts';
import {
  type AcceptedJob,
  type AcceptJobPorts,
  acceptJob,
  type JobWish,
  requireOwner,
  type Submitter,
} from './accept-job.ts';
import type { Admissions } from './admissions.ts';
import { batchStart } from './batch-start.ts';
import type { WorkflowRunner } from './runner.ts';

export interface BatchWish {
  dialect: Dialect;
  label?: string | null | undefined;
  jobs: readonly JobWish[];
  /** Whether all results are wanted in one ZIP file as well. */
  archive?: boolean;
  /** The batch whose jobs these do again. */
  retryOf?: string;
}

export interface SubmittedBatch {
  batch: Batch;
  /** In the order of the wish. */
  jobs: AcceptedJob[];
}

export interface SubmitBatchPorts extends AcceptJobPorts {
  batches: Pick<BatchRepository, 'insert'>;
  jobs: Pick<JobRepository, 'insertMany'>;
  uploads: Pick<UploadRepository, 'insertMany'>;
  runner: Pick<WorkflowRunner, 'startBatch'>;
  admissions: Pick<Admissions, 'openUploads'>;
  planOf(caller: Caller): Promise<AccountPlan>;
  laneOf(caller: Caller, sender: Sender): string;
}

/**
 * Accepts many conversions together, or none of them: what is wrong with one names its place, such as
 * `jobs.3.target`. The batch is written first, so that no job can end before something counts it.
 */
export function createSubmitBatch(ports: SubmitBatchPorts) {
  return async function submitBatch(
    caller: Caller,
    wish: BatchWish,
    sender: Sender = UNKNOWN_SENDER,
  ): Promise<SubmittedBatch> {
    const owner = requireOwner(caller);
    const plan = await ports.planOf(caller);
    requireBatches(plan, ports.limits.uploadBytes);
    requireBatchSize(wish.jobs.length);
    const label = requireLabel(wish.label);
    const lane = ports.laneOf(caller, sender);
    const batchId = newId();
    const jobs = await acceptAll(ports, { caller, owner, lane, plan, batchId }, wish.jobs);
    const { dialect, archive = false, retryOf = null } = wish;
    const jobIds = jobs.map(({ job }) => job._id);
    const batch = newBatch({ _id: batchId, owner, dialect, label, jobIds, wantsArchive: archive, retryOf });
    await write(ports, lane, batch, jobs);
    await ports.runner.startBatch(batchStart(batch));
    return { batch, jobs };
  };
}

function requireBatches(plan: AccountPlan, serviceBytes: number): void {
  const facts = { callback: false, batch: true, size: undefined };
  const [refusal] = wishRefusals(plan, facts, serviceBytes);
  if (refusal) throw refuse(refusal);
}

async function acceptAll(
  ports: SubmitBatchPorts,
  submitter: Submitter,
  wishes: readonly JobWish[],
): Promise<AcceptedJob[]> {
  const accepted: AcceptedJob[] = [];
  for (const [index, wish] of wishes.entries())
    accepted.push(await acceptJob(ports, submitter, wish).catch(placed(index)));
  return accepted;
}

/** Says which of the jobs is meant. */
function placed(index: number) {
  return (error: unknown): never => {
    if (!(error instanceof ConversionError)) throw error;
    const { code, message, hint, cause } = error;
    const field = error.field === undefined ? `jobs.${index}` : `jobs.${index}.${error.field}`;
    throw new ConversionError(code, `Job ${index + 1}: ${message}`, {
      field,
      cause,
      ...(hint !== undefined && { hint }),
    });
  };
}

async function write(
  { batches, uploads, jobs, admissions }: SubmitBatchPorts,
  lane: string,
  batch: Batch,
  accepted: readonly AcceptedJob[],
): Promise<void> {
  const awaited = accepted.map(({ upload }) => upload).filter((upload): upload is Upload => upload !== null);
  const open = accepted.filter(({ upload }) => upload !== null).map(({ job }) => job._id);
  if (open.length > 0) await admissions.openUploads(lane, open);
  await batches.insert(batch);
  await uploads.insertMany(awaited);
  await jobs.insertMany(accepted.map(({ job }) => job));
}
