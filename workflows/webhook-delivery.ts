import { setCurrentDetails, sleep } from '@temporalio/workflow';
import type { DeliveryOutcome } from '../activities/notify.ts';
import { delivery } from './proxies.ts';

export interface DeliveryStart {
  deliveryId: string;
}

/** One message to one receiver, attempt by attempt, on the schedule of its profile. */
export async function webhookDelivery({ deliveryId }: DeliveryStart): Promise<DeliveryOutcome['outcome']> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await delivery(`attempt ${attempt}`).attemptDelivery({ deliveryId, attempt });
    setCurrentDetails(
      `- attempts: ${attempt}\n- last answer: ${result.answer}\n- outcome: ${result.outcome}`,
    );
    if (result.outcome !== 'retry') return result.outcome;
    await sleep(result.delayMs, { summary: `before attempt ${attempt + 1}` });
  }
}
