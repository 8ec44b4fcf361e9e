import { CancelledFailure, cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import {
  type CONVERTED,
  createWorkflowHarness,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const cancelled = { to: 'cancelled', fault: { code: 'CANCELLED', message: 'The job was tired of waiting.' } };
const REASON = 'tired of waiting';

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

describe('cancel', () => {
  it('ends a job that waits for its upload', async () => {
    const { start, handle, names, ends } = await harness.job();
    await harness.runner.startJob(start);
    await harness.runner.cancelJob(start, REASON);
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(names()).toEqual(['recordEnd', 'discardFiles']);
    expect(ends()).toEqual([cancelled]);
  });

  it('reaches the engine, and waits until it has stopped', async () => {
    const engine = runningEngine();
    const { start, handle, ends } = await harness.job(
      { convertSmallFile: engine.convert },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    await engine.started;
    await harness.runner.cancelJob(start, REASON);
    expect(engine.state()).toBe('stopped');
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(ends()).toEqual([cancelled]);
  });

  it('counts as the reason, whatever a stopped engine reports', async () => {
    const complaint = new KilnError('INTERNAL', 'The pipe is broken.');
    const engine = runningEngine(() => {
      throw complaint;
    });
    const { start, handle, ends } = await harness.job(
      { convertSmallFile: engine.convert },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    await engine.started;
    await harness.runner.cancelJob(start, REASON);
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(ends()).toEqual([cancelled]);
  });

  it('reaches each stage of a large file', async () => {
    const engine = runningEngine();
    const { start, handle, names } = await harness.job(
      { convert: async () => engine.convert() },
      { uploadDeadline: null, size: 2 ** 30 },
    );
    await harness.runner.startJob(start);
    await engine.started;
    await harness.runner.cancelJob(start, REASON);
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(names()).toEqual(['acquire', 'convert', 'recordEnd', 'discardFiles']);
  });

  it('may be asked for by several at once', async () => {
    const { start, handle, ends } = await harness.job();
    await harness.runner.startJob(start);
    await Promise.all([1, 2, 3].map(() => harness.runner.cancelJob(start, REASON)));
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(ends()).toEqual([cancelled]);
  });

  it('is refused once the job has ended', async () => {
    // The database knows: whatever is written of an end after the first, the first stands.
    const recordEnd = async () => 'ready' as const;
    const { start, handle } = await harness.job({ recordEnd }, { uploadDeadline: null });
    await harness.runner.startJob(start);
    await handle.result();
    await expect(harness.runner.cancelJob(start, REASON)).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  it('that comes while another end is written is refused', async () => {
    const writing = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const { start, handle } = await harness.job(
      {
        recordEnd: async ({ end }) => {
          writing.resolve();
          await written.promise;
          return end.to;
        },
      },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    await writing.promise;
    const refused = expect(harness.runner.cancelJob(start, REASON)).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringMatching(/is ready|already ended/),
    });
    setTimeout(written.resolve, 200);
    await refused;
    expect(await handle.result()).toEqual({ status: 'ready' });
  });

  it('ends a job that waits for its turn and has no workflow yet', async () => {
    const { start, handle, ends } = await harness.job({}, { uploadDeadline: null });
    await harness.runner.cancelJob(start, REASON);
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(ends()).toEqual([cancelled]);
  });

  it('from Temporal UI works as well', async () => {
    const { start, handle, ends } = await harness.job();
    await harness.runner.startJob(start);
    await handle.query('phase');
    await handle.cancel();
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(ends()).toEqual([
      { to: 'cancelled', fault: { code: 'CANCELLED', message: 'The job was cancelled.' } },
    ]);
  });
});

/** An engine that never finishes by itself and needs a moment to stop. */
function runningEngine(onStopped = (): void => {}) {
  const started = Promise.withResolvers<void>();
  let state = 'idle';
  return {
    started: started.promise,
    state: () => state,
    async convert(): Promise<typeof CONVERTED> {
      state = 'running';
      started.resolve();
      const signal = cancellationSignal();
      while (!signal.aborted) {
        heartbeat();
        await sleep(50).catch((error: unknown) => {
          if (!(error instanceof CancelledFailure)) throw error;
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      state = 'stopped';
      onStopped();
      throw new KilnError('CANCELLED', 'The conversion was cancelled.');
    },
  };
}
