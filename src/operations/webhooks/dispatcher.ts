import type { Delivery } from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import { inTime } from '../../in-time.ts';
import type { Log } from '../../log.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { Deliver } from './deliver.ts';
import type { DeliveryQueue, Dispatch } from './delivery-queue.ts';
import { deliveryStart } from './delivery-start.ts';

export interface DispatcherPorts {
  queue: Pick<DeliveryQueue, 'attach'>;
  deliver: Deliver;
  runner: Pick<WorkflowRunner, 'startDelivery'>;
  log: Pick<Log, 'warn'>;
  /** First attempts under way at a time in this process. */
  maxConcurrent: number;
  /**
   * Milliseconds to wait for a free slot before the delivery becomes a workflow instead; 250 unless given.
   */
  acquireTimeoutMs?: number;
  /**
   * Reads an endpoint, null if deleted; may be a moment old: a pause that recent would have come too late.
   */
  recentEndpoint(id: string): Promise<Endpoint | null>;
  /** Returns how many first attempts one endpoint may have under way. */
  limitOf(endpointId: string): number;
}

/** Makes first attempts in this process. */
export interface Dispatcher {
  /** Makes the first attempt here, or starts a workflow for it. Resolves before the delivery has arrived. */
  dispatch: Dispatch;
  /** Allows attempts in this process; until then every delivery becomes a workflow for some worker. */
  open(): void;
  /** Allows no more attempts here; resolves when those under way have ended. */
  close(): Promise<void>;
}

const ACQUIRE_TIMEOUT_MS = 250;

/**
 * Builds a dispatcher and attaches it to the queue. It makes the first attempt right where a delivery was
 * written, since nearly all need no second one and a workflow costs ten times as much; whatever has to wait
 * becomes a workflow. If the process dies, the document still says `begun: false` and the repair round finds it.
 */
export function createDispatcher(ports: DispatcherPorts): Dispatcher {
  const { queue, deliver, runner, log, maxConcurrent, limitOf } = ports;
  const { acquireTimeoutMs = ACQUIRE_TIMEOUT_MS } = ports;
  const underWay = new Set<Promise<void>>();
  const counts = new Map<string, number>();
  let isOpen = false;

  async function attemptFirst(delivery: Delivery): Promise<void> {
    const start = deliveryStart(delivery);
    const { endpointId } = delivery;
    const known = endpointId === null ? {} : { endpoint: await ports.recentEndpoint(endpointId) };
    const result = await deliver(delivery, { attempt: start.attempt, ...known });
    if (result.outcome !== 'retry' && result.outcome !== 'held') return;
    const { delayMs } = result;
    const later = result.outcome === 'held' ? { holds: 1, delayMs } : { attempt: start.attempt + 1, delayMs };
    await runner.startDelivery({ ...start, ...later });
  }

  /**
   * Starts the first attempt without waiting for it; what it throws is logged and left to the repair round.
   */
  function begin(delivery: Delivery, endpointId: string): void {
    const attempt = attemptFirst(delivery)
      .catch((error: unknown) => {
        log.warn({ deliveryId: delivery._id, error: String(error) }, 'a delivery goes on later');
      })
      .finally(() => {
        underWay.delete(attempt);
        count(endpointId, -1);
      });
    underWay.add(attempt);
    count(endpointId, 1);
  }

  function count(endpointId: string, change: number): void {
    const left = (counts.get(endpointId) ?? 0) + change;
    if (left === 0) counts.delete(endpointId);
    else counts.set(endpointId, left);
  }

  const isFull = (endpointId: string) =>
    underWay.size >= maxConcurrent || (counts.get(endpointId) ?? 0) >= limitOf(endpointId);

  /** Waits for a free slot. Returns false when none came in time, or the dispatcher is closed. */
  async function hasSlot(endpointId: string): Promise<boolean> {
    for (const end = performance.now() + acquireTimeoutMs; isFull(endpointId); ) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await inTime(left, Promise.race(underWay));
    }
    return isOpen;
  }

  async function dispatch(delivery: Delivery): Promise<void> {
    const { endpointId } = delivery;
    // A callback is shown on its job once it is recorded: only a workflow repeats that second write.
    if (isOpen && endpointId !== null && (await hasSlot(endpointId))) begin(delivery, endpointId);
    else await runner.startDelivery(deliveryStart(delivery));
  }

  queue.attach(dispatch);
  return {
    dispatch,
    open() {
      isOpen = true;
    },
    async close() {
      isOpen = false;
      await Promise.all(underWay);
    },
  };
}
