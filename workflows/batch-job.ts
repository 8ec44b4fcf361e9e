import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { BatchStatus } from '../src/domain/batches/batch.ts';
import type { Fault } from '../src/domain/jobs/job.ts';
import type { BatchStart } from '../src/operations/workflow-runner.ts';
import { attempting } from './attempts.ts';
import { faultOf } from './fault.ts';
import { nudgedSignal } from './messages.ts';
import { quickly, tireless, transfer } from './proxies.ts';

/** Nobody may have told the batch that its last job has ended: so long it trusts silence. */
const RECOUNT_MS = 10 * 60_000;
/** Beyond it a new run goes on with an empty history. */
const MAX_HISTORY = 2000;

/** What a run hands on to the next one. */
interface BatchProgress {
  /** How many of the jobs have been started. */
  started: number;
  cancelling: boolean;
}

interface BatchResult {
  status: BatchStatus;
}

/**
 * Starts the jobs of a batch, waits until the last one has ended, and says so. The jobs are workflows of
 * their own, which nothing here holds up. Each is counted where its end is written down; the batch is told
 * when none is left, and looks for itself now and then.
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
      await tireless('cancel the jobs').cancelBatchJobs({ batchId });
      cancelled = true;
    }
    state.nudged = false;
    const { pending } = await quickly('countBatch', { batchId });
    show(start, pending);
    if (pending === 0) break;
    if (isLong()) {
      const { started, cancelling } = state;
      return continueAsNew<typeof batchJob>(start, { started, cancelling: cancelling && !cancelled });
    }
    await condition(() => state.nudged, RECOUNT_MS, { summary: 'until the jobs are looked at again' });
  }
  const archiveFault = start.wantsArchive ? await pack(start) : null;
  return quickly('endBatch', { batchId, archiveFault });
}

/** In pages, so that thousands of jobs are no single long activity. */
async function startJobs({ batchId, total }: BatchStart, state: BatchProgress): Promise<void> {
  while (state.started < total) {
    const { next } = await tireless('start the jobs').startBatchJobs({ batchId, from: state.started });
    state.started = next;
  }
}

/** The results are there without it, so a batch does not fail for want of its archive. */
async function pack({ batchId }: BatchStart): Promise<Fault | null> {
  try {
    await attempting(() => transfer('pack the results').packBatch({ batchId }));
    return null;
  } catch (error) {
    return faultOf(error);
  }
}

function isLong(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength > MAX_HISTORY || continueAsNewSuggested;
}

function show({ title, total }: BatchStart, pending: number): void {
  setCurrentDetails(`**${title}**\n- ended: ${total - pending} of ${total}`);
}
