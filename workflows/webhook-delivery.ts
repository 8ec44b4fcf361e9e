import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { DeliveryOutcome } from '../src/domain/webhooks/delivery.ts';
import { wakeSignal } from './messages.ts';
import { delivery } from './proxies.ts';

export interface DeliveryInput {
  deliveryId: string;
  /** The number of the first attempt; 1 unless it is a replay. */
  attempt?: number;
  /** How often this attempt has been postponed already. */
  holds?: number;
  /** Milliseconds to wait before the first attempt of this workflow. */
  delayMs?: number;
}

/**
 * Delivers one message to one receiver, attempt by attempt, on the schedule of its profile. An attempt that
 * is postponed, because the endpoint is paused or failing, keeps its number. Returns the final outcome.
 */
export async function webhookDelivery(input: DeliveryInput): Promise<DeliveryOutcome['outcome']> {
  const { deliveryId } = input;
  let { attempt = 1, holds = 0 } = input;
  let woken = false;
  setHandler(wakeSignal, () => {
    woken = true;
  });
  if (input.delayMs) await condition(() => woken, input.delayMs, { summary: `before attempt ${attempt}` });
  for (;;) {
    // Reset before the attempt, so that a signal during it counts: the attempt may not have seen its cause.
    woken = false;
    const result = await delivery(`attempt ${attempt}`).attemptDelivery({ deliveryId, attempt, holds });
    show(attempt, result);
    if (result.outcome !== 'retry' && result.outcome !== 'held') return result.outcome;
    holds = result.outcome === 'held' ? holds + 1 : 0;
    attempt += result.outcome === 'held' ? 0 : 1;
    await condition(() => woken, result.delayMs, { summary: `before attempt ${attempt}` });
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof webhookDelivery>({ deliveryId, attempt, holds });
  }
}

/** Writes the delivery's state into the details that Temporal UI shows. */
function show(attempt: number, { answer, outcome }: DeliveryOutcome): void {
  setCurrentDetails(`- attempts: ${attempt}\n- last answer: ${answer}\n- outcome: ${outcome}`);
}
