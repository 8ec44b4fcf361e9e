import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import type { DeliveryOutcome } from '../../src/domain/webhooks/delivery.ts';
import { judgeAttempt, type WebhookProfile } from '../../src/domain/webhooks/webhook-profile.ts';
import { createWorkflowHarness, type WorkflowHarness } from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const HOUR = 3_600_000;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** A receiver that answers with these codes, the last one for ever, and remembers when it was called. */
function receiver(profile: WebhookProfile, ...statuses: number[]) {
  const times: number[] = [];
  return {
    /** Milliseconds between two attempts, by the clock of the server. */
    gaps: () => times.slice(1).map((time, i) => time - (times[i] ?? 0)),
    async attemptDelivery({ attempt }: { attempt: number }): Promise<DeliveryOutcome> {
      times.push(activityInfo().scheduledTimestampMs);
      const status = statuses[attempt - 1] ?? statuses.at(-1) ?? 200;
      const verdict = judgeAttempt(profile, attempt, { status }, 0.5);
      const answer = String(status);
      return verdict.outcome === 'retry'
        ? { outcome: 'retry', answer, delayMs: verdict.delayMs }
        : { outcome: verdict.outcome, answer };
    },
  };
}

async function deliver(fakes: Parameters<WorkflowHarness['job']>[0]) {
  const job = await harness.job(fakes);
  const { jobId: deliveryId } = job.start;
  const outcome = await harness.env.client.workflow.execute('webhookDelivery', {
    workflowId: `delivery:${deliveryId}`,
    taskQueue: 'test-jobs',
    args: [{ deliveryId }],
  });
  return { ...job, outcome };
}

describe('a delivery', () => {
  it('is done after the first 2xx', async () => {
    const { outcome, calls } = await deliver(receiver('swapmyfile', 204));
    expect(outcome).toBe('delivered');
    expect(calls).toMatchObject([{ queue: 'webhook', input: { attempt: 1 } }]);
  });

  it('of swapmyfile is tried four times, 1 s, 3 s and 9 s apart, then fails', async () => {
    const { gaps, ...fakes } = receiver('swapmyfile', 500);
    const { outcome, inputsOf } = await deliver(fakes);
    expect(outcome).toBe('failed');
    expect(inputsOf('attemptDelivery')).toMatchObject([1, 2, 3, 4].map((attempt) => ({ attempt })));
    expectAtLeast(gaps(), [1000, 3000, 9000]);
  });

  it('is delivered by a later attempt', async () => {
    const { outcome, inputsOf } = await deliver(receiver('swapmyfile', 500, 302, 200));
    expect(outcome).toBe('delivered');
    expect(inputsOf('attemptDelivery')).toHaveLength(3);
  });

  it('of the standard profile goes on for three days', async () => {
    const { gaps, ...fakes } = receiver('standard', 503);
    const { outcome, inputsOf } = await deliver(fakes);
    expect(outcome).toBe('failed');
    expect(inputsOf('attemptDelivery')).toHaveLength(10);
    expectAtLeast(gaps().slice(-2), [20 * HOUR, 24 * HOUR]);
  });

  it('does not count an attempt that the database kept from being made', async () => {
    let away = 2;
    const { attemptDelivery } = receiver('swapmyfile', 200);
    const { outcome, inputsOf } = await deliver({
      async attemptDelivery(input) {
        away -= 1;
        if (away >= 0) throw new KilnError('UNAVAILABLE', 'The database does not answer.');
        return attemptDelivery(input);
      },
    });
    expect(outcome).toBe('delivered');
    expect(inputsOf('attemptDelivery')).toMatchObject([1, 1, 1].map((attempt) => ({ attempt })));
  });

  it('outlives the job that it tells about', async () => {
    const opened = Promise.withResolvers<void>();
    const { start, handle } = await harness.job(
      {
        async attemptDelivery() {
          await opened.promise;
          return { outcome: 'delivered', answer: '200' };
        },
      },
      { uploadDeadline: null, hasCallback: true },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    const delivery = harness.env.client.workflow.getHandle(`delivery:${start.jobId}`);
    expect((await delivery.describe()).status.name).toBe('RUNNING');
    opened.resolve();
    expect(await delivery.result()).toBe('delivered');
  });
});

/** A timer never fires early (bar the server's rounding), but may fire late. */
function expectAtLeast(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, wait] of expected.entries()) {
    expect(actual[i]).toBeGreaterThanOrEqual(wait - 50);
    expect(actual[i]).toBeLessThan(wait + 5000);
  }
}
