import {
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { BatchStatus } from '../src/domain/batch.ts';
import type { Fault } from '../src/domain/job.ts';
import type { BatchStart } from '../src/operations/runner.ts';
import { faultOf } from './fault.ts';
import { jobEndedSignal, nudgedSignal } from './messages.ts';
import { quickly, tireless, transfer } from './proxies.ts';

/** Jobs that end within this time are counted together: nobody sees more than four counts a second. */
const GATHER_MS = 250;
/** A signal may be lost with the worker that sent it: so long the batch trusts silence. */
const RECOUNT_MS = 15 * 60_000;
/** Jobs whose signals arrive in one run of the workflow; beyond it a new run goes on with an empty history. */
const MAX_HISTORY = 4000;

/** What a run hands on to the next one. */
interface BatchProgress {
  /** How many of the jobs have been started. */
  started: number;
  /** Ended, but not counted yet. */
  ended: string[];
  cancelling: boolean;
}

interface BatchResult {
  status: BatchStatus;
}

/**
 * Counts the jobs of a batch until the last one has ended. The jobs are workflows of their own, which
 * nothing here holds up; the database says what became of each, the signals only say when to look.
 */
export async function batchJob(start: BatchStart, before?: BatchProgress): Promise<BatchResult> {
  const state = { recount: true, ...(before ?? { started: 0, ended: [], cancelling: false }) };
  setHandler(jobEndedSignal, ({ jobId }) => void state.ended.push(jobId));
  setHandler(nudgedSignal, ({ wish }) => {
    if (wish === 'cancel') state.cancelling = true;
    state.recount = true;
  });

  await startJobs(start, state);
  let pending = start.total;
  for (let cancelled = false; pending > 0; ) {
    if (state.cancelling && !cancelled) {
      await tireless('cancel the jobs').cancelBatchJobs({ batchId: start.batchId });
      cancelled = true;
    }
    pending = await count(start, state);
    show(start, pending);
    if (pending === 0) break;
    if (isLong()) return continueAsNew<typeof batchJob>(start, progressOf(state));
    const news = () => state.ended.length > 0 || state.recount || (state.cancelling && !cancelled);
    if (!(await condition(news, RECOUNT_MS, { summary: 'until the jobs are looked at again' })))
      state.recount = true;
    else await sleep(GATHER_MS, { summary: 'for others that end' });
  }
  const archiveFault = start.wantsArchive ? await pack(start) : null;
  return quickly('endBatch', { batchId: start.batchId, archiveFault });
}

/** The results are there without it, so a batch does not fail for want of its archive. */
async function pack({ batchId }: BatchStart): Promise<Fault | null> {
  try {
    await transfer('pack the results').packBatch({ batchId });
    return null;
  } catch (error) {
    return faultOf(error);
  }
}

/** In pages, so that thousands of jobs are no single long activity. */
async function startJobs({ batchId, total }: BatchStart, state: BatchProgress): Promise<void> {
  while (state.started < total) {
    const { next } = await tireless('start the jobs').startBatchJobs({ batchId, from: state.started });
    state.started = next;
  }
}

/** @returns how many have not ended. */
async function count({ batchId }: BatchStart, state: BatchProgress & { recount: boolean }): Promise<number> {
  const jobIds = state.recount ? null : state.ended.splice(0);
  if (state.recount) state.ended = [];
  state.recount = false;
  const { pending } = await quickly('countBatch', { batchId, jobIds });
  return pending;
}

function progressOf({ started, ended, cancelling }: BatchProgress): BatchProgress {
  return { started, ended, cancelling };
}

function isLong(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength > MAX_HISTORY || continueAsNewSuggested;
}

function show({ title, total }: BatchStart, pending: number): void {
  setCurrentDetails(`**${title}**\n- ended: ${total - pending} of ${total}`);
}
