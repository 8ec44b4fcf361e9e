import type { Delivery } from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import type { Log } from '../../log.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { Deliver } from './deliver.ts';
import { deliveryStart } from './delivery-start.ts';

export interface CourierPorts {
  deliver: Deliver;
  runner: Pick<WorkflowRunner, 'startDelivery'>;
  log: Pick<Log, 'warn'>;
  /** Attempts at a time. */
  places: number;
  /** As it was a moment ago: a pause a tenth of a second earlier would have come too late as well. */
  recentEndpoint(id: string): Promise<Endpoint | null>;
  /** How many of them one receiver may have. */
  widthOf(receiver: string): number;
}

/** Takes deliveries on their way. */
export interface Courier {
  /** Returns when somebody has taken it up, which is before it has arrived. */
  take(delivery: Delivery): Promise<void>;
  /** From now on this process sends by itself; until then it leaves all of it to workers. */
  open(): void;
  /** Takes no more; resolves when what is under way is over. */
  close(): Promise<void>;
}

/** When its places are taken, so long is waited for one before a workflow is the better choice. */
const PATIENCE_MS = 250;

/**
 * Makes the first attempt of a delivery right where it was written, since nearly all of them need no second
 * one and a workflow costs ten times as much. Whatever has to wait becomes a workflow. What dies with this
 * process was never begun, as far as its document tells, and the sweeper finds it.
 */
export function createCourier(ports: CourierPorts): Courier {
  const { deliver, runner, log, places, widthOf } = ports;
  const underWay = new Map<Promise<void>, string>();
  const counts = new Map<string, number>();
  let isOpen = false;

  async function firstAttempt(delivery: Delivery): Promise<void> {
    const start = deliveryStart(delivery);
    const { endpointId } = delivery;
    const known = endpointId === null ? {} : { endpoint: await ports.recentEndpoint(endpointId) };
    const result = await deliver(delivery, { attempt: start.attempt, ...known });
    if (result.outcome !== 'retry' && result.outcome !== 'held') return;
    const { delayMs } = result;
    const later = result.outcome === 'held' ? { holds: 1, delayMs } : { attempt: start.attempt + 1, delayMs };
    await runner.startDelivery({ ...start, ...later });
  }

  function begin(delivery: Delivery, receiver: string): void {
    const attempt = firstAttempt(delivery)
      .catch((error: unknown) => {
        log.warn({ deliveryId: delivery._id, error: String(error) }, 'a delivery goes on later');
      })
      .finally(() => {
        underWay.delete(attempt);
        count(receiver, -1);
      });
    underWay.set(attempt, receiver);
    count(receiver, 1);
  }

  function count(receiver: string, change: number): void {
    const left = (counts.get(receiver) ?? 0) + change;
    if (left === 0) counts.delete(receiver);
    else counts.set(receiver, left);
  }

  const isFull = (receiver: string) =>
    underWay.size >= places || (counts.get(receiver) ?? 0) >= widthOf(receiver);

  async function hasPlace(receiver: string): Promise<boolean> {
    for (const end = performance.now() + PATIENCE_MS; isFull(receiver); ) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await firstOf(underWay.keys(), left);
    }
    return isOpen;
  }

  return {
    async take(delivery) {
      const { endpointId } = delivery;
      // A callback is shown on its job once it is recorded: only a workflow comes back for such a second write.
      if (isOpen && endpointId !== null && (await hasPlace(endpointId))) begin(delivery, endpointId);
      else await runner.startDelivery(deliveryStart(delivery));
    },
    open() {
      isOpen = true;
    },
    async close() {
      isOpen = false;
      await Promise.all(underWay.keys());
    },
  };
}

async function firstOf(promises: Iterable<Promise<void>>, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([...promises, promise]);
  clearTimeout(timer);
}
