import type { Endpoint } from '../domain/endpoint.ts';
import type { Log } from '../log.ts';
import type { DeliveryRepository, PendingDelivery } from '../store/deliveries.ts';
import type { EndpointRepository } from '../store/endpoints.ts';
import { deliveryStart } from './delivery-start.ts';
import { inTurns } from './in-turns.ts';
import type { WorkflowRunner } from './runner.ts';

export interface RepairDeliveriesPorts {
  deliveries: Pick<DeliveryRepository, 'listPending' | 'listHeld'>;
  endpoints: Pick<EndpointRepository, 'find'>;
  runner: Pick<WorkflowRunner, 'startDelivery' | 'wakeDelivery'>;
  log: Pick<Log, 'warn'>;
}

const PAGE = 500;
/** Longer than the longest attempt: whoever wrote it may still be waiting for the receiver. */
const STALLED_MS = 25_000;
/** A timer of Temporal is never that late: the workflow was ended by hand. */
const OVERDUE_MS = 120_000;

/** Sees to it that what waits is not forgotten, by a crash or by a signal that got lost. */
export function createRepairDeliveries({ deliveries, endpoints, runner, log }: RepairDeliveriesPorts) {
  async function wake(delivery: PendingDelivery): Promise<void> {
    if (!(await runner.wakeDelivery(delivery._id))) await runner.startDelivery(deliveryStart(delivery));
  }

  async function repair(delivery: PendingDelivery, endpoint: Endpoint | null, now: number): Promise<void> {
    const { begun, updatedAt, nextAttemptAt, hold } = delivery;
    const isLost = begun === false && now - updatedAt.getTime() > STALLED_MS;
    const isOverdue = nextAttemptAt !== null && now - (nextAttemptAt?.getTime() ?? now) > OVERDUE_MS;
    if (isLost || isOverdue) await runner.startDelivery(deliveryStart(delivery));
    else if ((hold === 'paused' || hold === 'circuit') && !isShut(endpoint)) await wake(delivery);
  }

  let last = '';
  return {
    /** Lets what waits for an endpoint go on; those that are too many follow in the next repair rounds. */
    async wakeHeld(endpointId: string): Promise<void> {
      await inTurns(await deliveries.listHeld(endpointId, PAGE), wake);
    },

    /** Each round takes the next page, then begins again. @returns how many were looked at. */
    async repairDeliveries(now = Date.now()): Promise<number> {
      const pending = await deliveries.listPending(last, PAGE);
      last = pending.length === PAGE ? (pending.at(-1)?.order ?? '') : '';
      const known = new Map<string, Promise<Endpoint | null>>();
      const endpointOf = async ({ endpointId }: PendingDelivery) => {
        if (!endpointId) return null;
        const found = known.get(endpointId) ?? endpoints.find(endpointId);
        known.set(endpointId, found);
        return found;
      };
      await inTurns(pending, async (delivery) => {
        await repair(delivery, await endpointOf(delivery), now).catch((error: unknown) => {
          log.warn(
            { deliveryId: delivery._id, error: String(error) },
            'could not repair a delivery; the next round tries again',
          );
        });
      });
      return pending.length;
    },
  };
}

/** Whether there is still reason to wait. A disabled or deleted endpoint lets go of what waits for it. */
function isShut(endpoint: Endpoint | null): boolean {
  return endpoint?.state === 'paused' || (endpoint?.state === 'enabled' && endpoint.circuit.probeAt !== null);
}
