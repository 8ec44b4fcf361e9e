import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  setHandler,
} from '@temporalio/workflow';
import type { AcquiredFile } from '../activities/acquire.ts';
import type { Waiting } from '../activities/admit.ts';
import type { ConvertedFile } from '../activities/convert.ts';
import type { JobEnd } from '../activities/record.ts';
import type { JobStatus } from '../src/domain/jobs/job.ts';
import type { JobStart } from '../src/operations/workflow-runner.ts';
import { attempting } from './attempts.ts';
import { show } from './details.ts';
import { finish } from './finish.ts';
import {
  admittedSignal,
  cancelUpdate,
  type Phase,
  phaseQuery,
  uploadArrivedSignal,
  uploadCompletedUpdate,
} from './messages.ts';
import { conversion, convertLocally, expireUpload, holdCredits, recordQueued, transfer } from './proxies.ts';
import { storedErrorOf } from './stored-error.ts';

/** Up to this many bytes a local activity converts: a round trip through Temporal would cost more. */
const LOCAL_BYTES = 256 * 2 ** 10;
/** Up to this many bytes one activity does all stages on one worker; above, each stage is retried by itself. */
const ONE_ACTIVITY_BYTES = 32 * 2 ** 20;

/** First and longest wait for the signal `admitted`, in milliseconds; it may be lost, so then the job asks. */
const FIRST_ASK_MS = 15_000;
const LAST_ASK_MS = 10 * 60_000;

/** Workflows started before this patch hold no credits. */
const CREDITS_PATCH = 'credits';
/** Workflows started before this patch expire without asking the database. */
const EXPIRY_PATCH = 'ask-before-expiring';
/** Workflows started before this patch learn of their upload by the update only. */
const ARRIVAL_PATCH = 'upload-arrived-signal';

interface Charged {
  /** Whether credits may be on hold and must be settled. */
  charged: boolean;
}

interface JobResult {
  status: JobStatus;
}

interface JobState extends Charged {
  phase: Phase;
  uploaded: boolean;
  /** Whether `admitted` has arrived since the job last asked. */
  admitted: boolean;
  cancelReason: string | null;
  status: JobStatus | null;
}

/** Runs one conversion, from the upload to the start of the callback. Returns the status it ended in. */
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
    // Workers of an earlier version ignored this signal; replay must do the same.
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
        throw wrongState(`The job is ${state.status} and cannot be cancelled any more.`);
      return state.status;
    },
    {
      validator: ({ reason }) => {
        if (typeof reason !== 'string') throw wrongState('A reason must be given.');
        if (state.phase === 'ended') throw wrongState('The job has already ended.');
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
    // Answers a cancel update that arrived during `finish` before the workflow closes.
    await condition(allHandlersFinished);
    return { status: state.status };
  });
}

async function convert(start: JobStart, state: JobState): Promise<JobEnd> {
  if (start.uploadDeadline !== null) {
    show(start, state.phase, { next: 'The upload, or the deadline.' });
    // A durable timer fires on time even if no process of Kiln runs for a week.
    const left = Math.max(1, start.uploadDeadline - Date.now());
    const uploaded = await condition(() => state.uploaded, left, { summary: 'upload deadline' });
    if (!uploaded && (await hasExpired(start))) {
      return {
        to: 'expired',
        fault: { code: 'UPLOAD_EXPIRED', message: 'The file was not uploaded in time.' },
      };
    }
    await recordQueued({ jobId: start.jobId });
    state.phase = 'converting';
  }
  show(start, 'converting');
  const outputs = [await convertFile(start, state)];
  return { to: 'ready', outputs };
}

/** Asks the database, which then marks the upload as expired: the signal of one may have been lost. */
async function hasExpired({ jobId }: JobStart): Promise<boolean> {
  if (!patched(EXPIRY_PATCH)) return true;
  const { arrived } = await expireUpload({ jobId });
  return !arrived;
}

async function convertFile(start: JobStart, state: JobState): Promise<ConvertedFile> {
  const { jobId, title } = start;
  const acquired = await beginWhenAdmitted(start, state);
  if ('fileId' in acquired) return acquired;
  if (acquired.price && patched(CREDITS_PATCH)) {
    // Set before the call: an attempt may hold credits and fail before it answers.
    state.charged = true;
    await holdCredits({ jobId, amount: acquired.price.ceiling });
  }
  const converted = await attempting(() => conversion(title).convert({ jobId, ...acquired }));
  return attempting(() => transfer('publish the result').publish({ jobId, converted }));
}

/** Begins the work once the plan allows it. Until then waits for `admitted`, ten minutes at most, and asks. */
async function beginWhenAdmitted(start: JobStart, state: JobState): Promise<ConvertedFile | AcquiredFile> {
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

/** Converts a small file, or acquires one that is large or priced. Returns a position if the job must wait. */
function begin({ jobId, title, size }: JobStart): Promise<ConvertedFile | AcquiredFile | Waiting> {
  if (size <= LOCAL_BYTES) return convertLocally(jobId, title);
  if (size <= ONE_ACTIVITY_BYTES) return attempting(() => conversion(title).convertSmallFile({ jobId }));
  return attempting(() => transfer('verify the upload').acquire({ jobId }));
}

function endOf(error: unknown, cancelReason: string | null): JobEnd {
  // Any error of an engine that was stopped half-way is the cancellation's doing.
  if (cancelReason !== null || isCancellation(error)) {
    return {
      to: 'cancelled',
      fault: { code: 'CANCELLED', message: `The job was ${cancelReason ?? 'cancelled'}.` },
    };
  }
  const fault = storedErrorOf(error);
  log.info('the job fails', { code: fault.code });
  return { to: 'failed', fault };
}

function wrongState(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WRONG_STATE');
}
