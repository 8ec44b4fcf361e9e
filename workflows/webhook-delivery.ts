import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { DeliveryOutcome } from '../src/domain/webhooks/delivery.ts';
import { wakeSignal } from './messages.ts';
import { delivery } from './proxies.ts';

export interface DeliveryInput {
  deliveryId: string;
  /** The number of the first attempt; 1 unless it is a replay. */
  attempt?: number;
  /** How often this attempt has been put off already. */
  holds?: number;
  /** How long to wait before it, since another attempt came before this workflow. */
  delayMs?: number;
}

/**
 * One message to one receiver, attempt by attempt, on the schedule of its profile. An attempt that is put
 * off, since the endpoint is paused or not well, keeps its number.
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
    // A signal that comes while the attempt is made is kept: what it announces may not have been seen.
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

/** What a person sees who opens this delivery in Temporal UI. */
function show(attempt: number, { answer, outcome }: DeliveryOutcome): void {
  setCurrentDetails(`- attempts: ${attempt}\n- last answer: ${answer}\n- outcome: ${outcome}`);
}
