import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { DeliveryChecks, PendingDelivery } from '../../store/delivery-checks.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { deliveryStart } from './delivery-start.ts';

export interface RepairDeliveriesPorts {
  deliveries: DeliveryChecks;
  endpoints: Pick<EndpointRepository, 'find'>;
  runner: Pick<WorkflowRunner, 'startDelivery' | 'wakeDelivery'>;
  log: Pick<Log, 'warn'>;
}

const PAGE = 500;
/** A delivery that nobody began by then is lost. Longer than the longest attempt, which may be under way. */
const STALLED_MS = 25_000;
/** A delivery whose attempt is this late has no workflow: somebody ended it by hand. */
const OVERDUE_MS = 120_000;

/**
 * Builds the repair of deliveries that a crash or a lost signal left behind. Each kind is found by an index of
 * its own: deliveries that wait for their schedule, or for an endpoint that is paused or not well, are not read.
 */
export function createRepairDeliveries({ deliveries, endpoints, runner, log }: RepairDeliveriesPorts) {
  let lastDue = new Date(0);

  async function start(delivery: PendingDelivery): Promise<void> {
    await runner.startDelivery(deliveryStart(delivery));
  }

  async function wake(delivery: PendingDelivery): Promise<void> {
    if (!(await runner.wakeDelivery(delivery._id))) await start(delivery);
  }

  /** Repairs all and returns how many there were; one that cannot be repaired is left to the next round. */
  async function repairAll(
    found: readonly PendingDelivery[],
    repair: (delivery: PendingDelivery) => Promise<void>,
  ): Promise<number> {
    await mapConcurrently(found, async (delivery) => {
      await repair(delivery).catch((error: unknown) => {
        log.warn(
          { deliveryId: delivery._id, error: String(error) },
          'could not repair a delivery; the next round tries again',
        );
      });
    });
    return found.length;
  }

  /**
   * Returns the next page of overdue deliveries, then begins again: some may be beyond repair and must not
   * hide the others.
   */
  async function nextOverdue(before: Date): Promise<PendingDelivery[]> {
    const found = await deliveries.listOverdue(lastDue, before, PAGE);
    lastDue = (found.length === PAGE && found.at(-1)?.nextAttemptAt) || new Date(0);
    return found;
  }

  async function isOpen(endpointId: string): Promise<boolean> {
    return !isShut(await endpoints.find(endpointId));
  }

  return {
    /** Wakes up to 500 deliveries that wait for an endpoint; the next repair rounds wake the others. */
    async wakeHeld(endpointId: string): Promise<void> {
      await mapConcurrently(await deliveries.listHeld(endpointId, PAGE), wake);
    },

    /** Repairs one page of each kind. Returns how many deliveries were in need of it. */
    async repairDeliveries(now = Date.now()): Promise<number> {
      const lost = await repairAll(await deliveries.listLost(new Date(now - STALLED_MS), PAGE), start);
      const overdue = await repairAll(await nextOverdue(new Date(now - OVERDUE_MS)), start);
      let held = 0;
      for (const endpointId of await deliveries.heldEndpoints()) {
        if (await isOpen(endpointId))
          held += await repairAll(await deliveries.listHeld(endpointId, PAGE), wake);
      }
      return lost + overdue + held;
    },
  };
}

/** Whether deliveries still have to wait. Those of a disabled or deleted endpoint need not: they end. */
function isShut(endpoint: Endpoint | null): boolean {
  return endpoint?.state === 'paused' || (endpoint?.state === 'enabled' && endpoint.circuit.probeAt !== null);
}
