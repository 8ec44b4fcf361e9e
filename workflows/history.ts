import { workflowInfo } from '@temporalio/workflow';

/** Events of history, after which a workflow continues as new. */
const MAX_HISTORY = 2000;

/** Whether this run has had so many events that the next ones belong to a new one. */
export function isHistoryLong(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return historyLength > MAX_HISTORY || continueAsNewSuggested;
}
