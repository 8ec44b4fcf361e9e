import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttemptInput } from '../../activities/attempt-delivery.ts';
import {
  afterFailure,
  afterSuccess,
  allowRequest,
  closedCircuit,
  isGivenUp,
} from '../../src/domain/webhooks/circuit.ts';
import type { DeliveryOutcome } from '../../src/domain/webhooks/delivery.ts';
import { judgeAttempt, WEBHOOK_SCHEDULES } from '../../src/domain/webhooks/webhook-profile.ts';
import {
  createWorkflowHarness,
  type Fakes,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** A delivery as the service starts it. */
async function started(fakes: Fakes, more: { attempt?: number; delayMs?: number } = {}) {
  const job = await harness.job(fakes);
  const deliveryId = job.start.jobId;
  const start = { deliveryId, attempt: 1, fairnessKey: 'endpoint', title: 'job.ready', ...more };
  await harness.runner.startDelivery(start);
  const handle = harness.env.client.workflow.getHandle(`delivery:${deliveryId}`);
  return { ...job, deliveryId, start, handle };
}

const now = () => activityInfo().scheduledTimestampMs;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the standard schedule', () => {
  it('makes ten attempts within 75 hours and 35 minutes, give or take its jitter', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const times: number[] = [];
    const { handle } = await started({
      async attemptDelivery({ attempt }: AttemptInput): Promise<DeliveryOutcome> {
        times.push(now());
        const verdict = judgeAttempt('standard', attempt, { status: 503 }, random.next());
        return verdict.outcome === 'retry'
          ? { outcome: 'retry', answer: '503', delayMs: verdict.delayMs }
          : { outcome: verdict.outcome, answer: '503' };
      },
    });
    const began = performance.now();
    expect(await handle.result()).toBe('failed');
    const [first = 0] = times;
    const hours = times.map((time) => (time - first) / HOUR);
    console.log(
      `75-hour plan: seed ${seed}, attempts after ${hours.map((at) => `${at.toFixed(3)} h`).join(', ')}; ` +
        `tested in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    );
    expect(times).toHaveLength(10);
    const planned = WEBHOOK_SCHEDULES.standard.delaysMs.reduce((sum, delay) => sum + delay, 0);
    expect(planned).toBe(75 * HOUR + 35 * MINUTE + 5000);
    for (const [i, delay] of WEBHOOK_SCHEDULES.standard.delaysMs.entries()) {
      if (i === 0) continue;
      const gap = (times[i] ?? 0) - (times[i - 1] ?? 0);
      expect(gap).toBeGreaterThanOrEqual(delay * 0.9 - 50);
      expect(gap).toBeLessThan(delay * 1.1 + 5000);
    }
  });
});

describe('a delivery that is put off', () => {
  it('goes on as soon as it is woken, with the same attempt', async () => {
    const times: number[] = [];
    const { handle, inputsOf, deliveryId } = await started({
      async attemptDelivery(): Promise<DeliveryOutcome> {
        times.push(now());
        return times.length === 1
          ? { outcome: 'held', answer: 'paused', delayMs: HOUR }
          : { outcome: 'delivered', answer: '200' };
      },
    });
    await until(() => times.length === 1);
    expect(await harness.runner.wakeDelivery(deliveryId)).toBe(true);
    expect(await handle.result()).toBe('delivered');
    expect(inputsOf('attemptDelivery')).toEqual([
      { deliveryId, attempt: 1, holds: 0 },
      { deliveryId, attempt: 1, holds: 1 },
    ]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(MINUTE);
    expect(await harness.runner.wakeDelivery(deliveryId)).toBe(false);
  });

  it('looks for itself in case nobody wakes it', async () => {
    const times: number[] = [];
    const { handle } = await started({
      async attemptDelivery(): Promise<DeliveryOutcome> {
        times.push(now());
        return times.length < 4
          ? { outcome: 'held', answer: 'paused', delayMs: HOUR }
          : { outcome: 'delivered', answer: '200' };
      },
    });
    expect(await handle.result()).toBe('delivered');
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(3 * HOUR - 100);
  });

  it('does not miss what woke it while it was asking', async () => {
    const asking = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    let asked = 0;
    const { handle, deliveryId } = await started({
      async attemptDelivery(): Promise<DeliveryOutcome> {
        asked += 1;
        if (asked > 1) return { outcome: 'delivered', answer: '200' };
        asking.resolve();
        await woken.promise;
        return { outcome: 'held', answer: 'paused', delayMs: 1000 * DAY };
      },
    });
    await asking.promise;
    await harness.runner.wakeDelivery(deliveryId);
    woken.resolve();
    expect(await handle.result()).toBe('delivered');
  });
});

describe('a delivery whose first attempt was made elsewhere', () => {
  it('waits before the second, and runs once however often it is started', async () => {
    const times: number[] = [];
    const { handle, start, inputsOf, deliveryId } = await started(
      {
        async attemptDelivery(): Promise<DeliveryOutcome> {
          times.push(now());
          return { outcome: 'delivered', answer: '200' };
        },
      },
      { attempt: 2, delayMs: 5 * MINUTE },
    );
    const began = await harness.env.currentTimeMs();
    await Promise.all([harness.runner.startDelivery(start), harness.runner.startDelivery(start)]);
    expect(await handle.result()).toBe('delivered');
    expect(inputsOf('attemptDelivery')).toEqual([{ deliveryId, attempt: 2, holds: 0 }]);
    expect((times[0] ?? 0) - began).toBeGreaterThan(4 * MINUTE);
  });

  it('is started again by a replay, once it has ended', async () => {
    const { handle, start, inputsOf } = await started({});
    expect(await handle.result()).toBe('delivered');
    await harness.runner.startDelivery({ ...start, attempt: 2 });
    expect(await handle.result()).toBe('delivered');
    expect(inputsOf('attemptDelivery')).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });
});

/** An endpoint with a circuit as the service keeps it, by the clock of the server. */
function endpoint(isWell: (sinceMs: number) => boolean) {
  let circuit = closedCircuit();
  let began: number | undefined;
  let disabledAt: number | undefined;
  const sent: number[] = [];
  return {
    sent,
    disabledAt: () => disabledAt,
    async attemptDelivery({ deliveryId, attempt }: AttemptInput): Promise<DeliveryOutcome> {
      const at = new Date(now());
      began ??= at.getTime();
      if (disabledAt !== undefined) return { outcome: 'failed', answer: 'the endpoint is disabled' };
      const decision = allowRequest(circuit, deliveryId, at);
      if (!decision.allowed) return { outcome: 'held', answer: 'circuit', delayMs: decision.waitMs };
      circuit = decision.claim ?? circuit;
      const since = at.getTime() - began;
      sent.push(since);
      if (isWell(since)) {
        circuit = afterSuccess(circuit);
        return { outcome: 'delivered', answer: '200' };
      }
      circuit = afterFailure(circuit, deliveryId, at);
      if (isGivenUp(circuit, at)) disabledAt = since;
      const verdict = judgeAttempt('standard', attempt, { status: 500 }, 0.5);
      if (verdict.outcome === 'retry') return { outcome: 'retry', answer: '500', delayMs: verdict.delayMs };
      return { outcome: verdict.outcome, answer: '500' };
    },
  };
}

/** One after the other: each wait lets the clock of the server run, and it counts who waits. */
async function resultsOf(deliveries: { handle: { result(): Promise<unknown> } }[]): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (const { handle } of deliveries) outcomes.push(await handle.result());
  return outcomes;
}

describe('a circuit', () => {
  it('holds deliveries until a probe succeeds, and they lose no attempt by it', async () => {
    const receiver = endpoint((sinceMs) => sinceMs > 3 * HOUR);
    const deliveries = await Promise.all(Array.from({ length: 15 }, () => started(receiver)));
    const outcomes = await resultsOf(deliveries);
    expect(new Set(outcomes)).toEqual(new Set(['delivered']));
    const early = receiver.sent.filter((at) => at < 3 * HOUR).length;
    console.log(`circuit: ${early} attempts in three bad hours instead of ${15 * 4}, then all 15 delivered`);
    expect(early).toBeLessThan(20);
    expect(receiver.sent.length).toBeLessThan(early + 20);
  });

  it('that finds nobody well for five days ends in a disabled endpoint', async () => {
    const receiver = endpoint(() => false);
    const deliveries = await Promise.all(Array.from({ length: 11 }, () => started(receiver)));
    // Something happens on the fifth day as well.
    deliveries.push(await started(receiver, { delayMs: 5 * DAY }));
    const outcomes = await resultsOf(deliveries);
    expect(new Set(outcomes)).toEqual(new Set(['failed']));
    const days = (receiver.disabledAt() ?? 0) / DAY;
    console.log(`circuit: disabled after ${days.toFixed(2)} days and ${receiver.sent.length} attempts`);
    expect(days).toBeGreaterThanOrEqual(5);
    expect(days).toBeLessThan(5.2);
  }, 60_000);
});
