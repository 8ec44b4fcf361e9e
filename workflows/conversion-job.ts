import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  log,
  ParentClosePolicy,
  patched,
  setHandler,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { AcquiredFile } from '../activities/acquire.ts';
import type { Waiting } from '../activities/admit.ts';
import type { ConvertedFile } from '../activities/convert.ts';
import type { JobEnd } from '../activities/record.ts';
import type { JobStatus } from '../src/domain/jobs/job.ts';
import type { JobStart } from '../src/operations/workflow-runner.ts';
import { attempting } from './attempts.ts';
import { show } from './details.ts';
import { faultOf } from './fault.ts';
import {
  admittedSignal,
  cancelUpdate,
  type Phase,
  phaseQuery,
  uploadArrivedSignal,
  uploadCompletedUpdate,
} from './messages.ts';
import { conversion, convertAtOnce, quickly, transfer } from './proxies.ts';
import { ATTRIBUTES } from './search-attributes.ts';
import { summaryOf } from './summary.ts';
import { webhookDelivery } from './webhook-delivery.ts';

/** Up to this size the work itself is cheaper than handing it to somebody. */
const AT_ONCE_BYTES = 256 * 2 ** 10;
/** Up to this size one activity does it all on one worker; beyond it each stage is retried by itself. */
const ONE_ACTIVITY_BYTES = 32 * 2 ** 20;

/** A call to begin may be lost: so long a job waits for it before it asks, at first and at the most. */
const FIRST_ASK_MS = 15_000;
const LAST_ASK_MS = 10 * 60_000;

/** Jobs that were begun before there were credits are free. */
const CREDITS_PATCH = 'credits';
/** Jobs that were begun before expired by what they had heard, not by what the database knows. */
const EXPIRY_PATCH = 'ask-before-expiring';
/** Jobs that were begun before heard of their upload by an update only. */
const ARRIVAL_PATCH = 'upload-arrived-signal';

interface Charged {
  /** Whether credits may be held. */
  charged: boolean;
}

interface JobResult {
  status: JobStatus;
}

interface JobState extends Charged {
  phase: Phase;
  uploaded: boolean;
  /** Whether somebody said, since it was asked last, that the job may begin. */
  admitted: boolean;
  cancelReason: string | null;
  status: JobStatus | null;
}

/** One conversion, from the awaited upload to the started callback. The database holds the result. */
export async function conversionJob(start: JobStart): Promise<JobResult> {
  const state: JobState = {
    phase: start.uploadDeadline === null ? 'converting' : 'waiting for upload',
    uploaded: start.uploadDeadline === null,
    admitted: false,
    cancelReason: null,
    status: null,
    charged: false,
  };
  const work = new CancellationScope();

  setHandler(phaseQuery, () => state.phase);
  setHandler(uploadCompletedUpdate, () => {
    state.uploaded = true;
  });
  setHandler(uploadArrivedSignal, () => {
    // A worker of an earlier version may have passed over it; what that did is replayed as it was.
    if (patched(ARRIVAL_PATCH)) state.uploaded = true;
  });
  setHandler(admittedSignal, () => {
    state.admitted = true;
  });
  setHandler(
    cancelUpdate,
    async ({ reason }) => {
      state.cancelReason ??= reason;
      work.cancel();
      await condition(() => state.status !== null);
      if (state.status !== 'cancelled')
        throw refusal(`The job is ${state.status} and cannot be cancelled any more.`);
      return state.status;
    },
    {
      validator: ({ reason }) => {
        if (typeof reason !== 'string') throw refusal('A reason must be given.');
        if (state.phase === 'ended') throw refusal('The job has already ended.');
      },
    },
  );

  const end = await work
    .run(() => convert(start, state))
    .catch((error: unknown) => endOf(error, state.cancelReason));
  state.phase = 'finishing';
  return CancellationScope.nonCancellable(async () => {
    state.status = await finish(start, end, state.charged);
    state.phase = 'ended';
    // A cancel that came while the end was written is answered before the workflow closes.
    await condition(allHandlersFinished);
    return { status: state.status };
  });
}

async function convert(start: JobStart, state: JobState): Promise<JobEnd> {
  if (start.uploadDeadline !== null) {
    show(start, state.phase, { next: 'The upload, or the deadline.' });
    // A durable timer: it fires on time even if nothing of Kiln runs for a week.
    const left = Math.max(1, start.uploadDeadline - Date.now());
    const told = await condition(() => state.uploaded, left, { summary: 'upload deadline' });
    if (!told && (await hasExpired(start))) {
      return {
        to: 'expired',
        fault: { code: 'UPLOAD_EXPIRED', message: 'The file was not uploaded in time.' },
      };
    }
    await quickly('recordQueued', { jobId: start.jobId });
    state.phase = 'converting';
  }
  show(start, 'converting');
  const outputs = [await convertFile(start, state)];
  return { to: 'ready', outputs };
}

/** Asks the database before the job expires: the news of the upload may have died with a process. */
async function hasExpired({ jobId }: JobStart): Promise<boolean> {
  if (!patched(EXPIRY_PATCH)) return true;
  const { arrived } = await quickly('expireUpload', { jobId });
  return !arrived;
}

async function convertFile(start: JobStart, state: JobState): Promise<ConvertedFile> {
  const { jobId, title } = start;
  const acquired = await beginInTurn(start, state);
  if ('fileId' in acquired) return acquired;
  if (acquired.price && patched(CREDITS_PATCH)) {
    // Before the call: an attempt may have written it without getting the answer through.
    state.charged = true;
    await quickly('holdCredits', { jobId, amount: acquired.price.ceiling });
  }
  const converted = await attempting(() => conversion(title).convert({ jobId, ...acquired }));
  return attempting(() => transfer('publish the result').publish({ jobId, converted }));
}

/** Nobody is refused for having too many jobs: whoever is over the plan waits to be told, or asks again. */
async function beginInTurn(start: JobStart, state: JobState): Promise<ConvertedFile | AcquiredFile> {
  for (let waitMs = FIRST_ASK_MS; ; waitMs = Math.min(2 * waitMs, LAST_ASK_MS)) {
    state.admitted = false;
    const begun = await begin(start);
    if (!('position' in begun)) return begun;
    state.phase = 'waiting for its turn';
    show(start, state.phase, { next: `${begun.position} of the owner's jobs to end` });
    await condition(() => state.admitted, waitMs, { summary: 'before asking again' });
    state.phase = 'converting';
  }
}

/** Goes all the way where one activity can: not with what is large, nor with what costs credits. */
function begin({ jobId, title, size }: JobStart): Promise<ConvertedFile | AcquiredFile | Waiting> {
  if (size <= AT_ONCE_BYTES) return convertAtOnce(jobId, title);
  if (size <= ONE_ACTIVITY_BYTES) return attempting(() => conversion(title).convertSmallFile({ jobId }));
  return attempting(() => transfer('verify the upload').acquire({ jobId }));
}

async function finish(start: JobStart, end: JobEnd, charged: boolean): Promise<JobStatus> {
  const status = await quickly('recordEnd', { jobId: start.jobId, end });
  if (charged) await quickly('settleCredits', { jobId: start.jobId });
  if (status !== 'ready') await quickly('discardFiles', { jobId: start.jobId });
  const engine = end.to === 'ready' ? end.outputs.map((output) => output.engine).join(', ') : undefined;
  const fault = end.to === 'ready' ? undefined : end.fault;
  show(start, status, { engine, fault });
  upsertSearchAttributes([
    { key: ATTRIBUTES.stage, value: status },
    ...(engine ? [{ key: ATTRIBUTES.engine, value: engine }] : []),
    ...(fault ? [{ key: ATTRIBUTES.error, value: fault.code }] : []),
  ]);
  if (start.hasCallback) await startCallback(start.jobId);
  return status;
}

/** The delivery lives on when this workflow has closed. A repaired run of the job starts no second one. */
async function startCallback(jobId: string): Promise<void> {
  const { deliveryId, event, url } = await quickly('prepareCallback', { jobId });
  try {
    await startChild(webhookDelivery, {
      workflowId: `delivery:${deliveryId}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [{ deliveryId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: summaryOf(`${event} → ${url}`),
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError')) throw error;
  }
}

function endOf(error: unknown, cancelReason: string | null): JobEnd {
  // An engine that is stopped half-way may report whatever it likes: the wish to stop explains it.
  if (cancelReason !== null || isCancellation(error)) {
    return {
      to: 'cancelled',
      fault: { code: 'CANCELLED', message: `The job was ${cancelReason ?? 'cancelled'}.` },
    };
  }
  const fault = faultOf(error);
  log.info('the job fails', { code: fault.code });
  return { to: 'failed', fault };
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WRONG_STATE');
}
