import { condition, continueAsNew, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { BatchStatus } from '../src/domain/batches/batch.ts';
import type { StoredError } from '../src/domain/jobs/job.ts';
import type { BatchStart } from '../src/operations/workflow-runner.ts';
import { attempting } from './attempts.ts';
import { isHistoryLong } from './history.ts';
import { nudgedSignal } from './messages.ts';
import { countBatch, endBatch, transfer, unlimitedRetry } from './proxies.ts';
import { storedErrorOf } from './stored-error.ts';

/** Milliseconds until a batch counts its open jobs without a signal: the one of its last job may be lost. */
const RECOUNT_MS = 10 * 60_000;

/** What one run passes to the next by continue-as-new. */
interface BatchProgress {
  /** Number of jobs started so far. */
  started: number;
  cancelling: boolean;
}

interface BatchResult {
  status: BatchStatus;
}

/**
 * Starts the jobs of a batch, waits until the last one has ended, and records the end of the batch. The jobs
 * are workflows of their own and never wait for this one. `recordEnd` counts each ended job and signals the
 * batch after the last; the batch also counts by itself every ten minutes.
 */
export async function batchJob(start: BatchStart, before?: BatchProgress): Promise<BatchResult> {
  const { batchId } = start;
  const state = { nudged: false, ...(before ?? { started: 0, cancelling: false }) };
  setHandler(nudgedSignal, ({ wish }) => {
    state.nudged = true;
    if (wish === 'cancel') state.cancelling = true;
  });

  await startJobs(start, state);
  for (let cancelled = false; ; ) {
    if (state.cancelling && !cancelled) {
      await attempting(() => unlimitedRetry('cancel the jobs').cancelBatchJobs({ batchId }));
      cancelled = true;
    }
    state.nudged = false;
    const { pending } = await countBatch({ batchId });
    show(start, pending);
    if (pending === 0) break;
    if (isHistoryLong()) {
      const { started, cancelling } = state;
      return continueAsNew<typeof batchJob>(start, { started, cancelling: cancelling && !cancelled });
    }
    await condition(() => state.nudged, RECOUNT_MS, { summary: 'until the jobs are looked at again' });
  }
  const archiveFault = start.wantsArchive ? await pack(start) : null;
  return endBatch({ batchId, archiveFault });
}

/** Starts the jobs in pages, so that no activity lasts as long as thousands of starts. */
async function startJobs({ batchId, total }: BatchStart, state: BatchProgress): Promise<void> {
  while (state.started < total) {
    const from = state.started;
    const { next } = await attempting(() =>
      unlimitedRetry('start the jobs').startBatchJobs({ batchId, from }),
    );
    state.started = next;
  }
}

/** Packs the archive. Returns null, or the error: the results exist without it, so the batch does not fail. */
async function pack({ batchId }: BatchStart): Promise<StoredError | null> {
  try {
    await attempting(() => transfer('pack the results').packBatch({ batchId }));
    return null;
  } catch (error) {
    return storedErrorOf(error);
  }
}

function show({ title, total }: BatchStart, pending: number): void {
  setCurrentDetails(`**${title}**\n- ended: ${total - pending} of ${total}`);
}
