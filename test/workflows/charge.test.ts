import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type Fakes,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const ACQUIRED = { blobId: 'blob', steps: [], price: { perMinute: 1, ceiling: 7 } };
const SIZES = { small: 1000, middling: 2 * 2 ** 20, large: 2 ** 30 };

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** A job that costs seven credits. */
async function start(fakes: Fakes = {}, size: number = SIZES.small) {
  const acquiring = { acquire: async () => ACQUIRED, convertSmallFile: async () => ACQUIRED };
  const job = await harness.job({ ...acquiring, ...fakes }, { uploadDeadline: null, size });
  await harness.runner.startJob(job.start);
  return job;
}

describe('a job that costs credits', () => {
  it.each([
    ['small', 'convertSmallFile'],
    ['middling', 'convertSmallFile'],
    ['large', 'acquire'],
  ] as const)(
    'and is %s holds them before it converts and settles once it has ended',
    async (size, first) => {
      const { handle, names, inputsOf, start: begun } = await start({}, SIZES[size]);
      expect(await handle.result()).toEqual({ status: 'ready' });
      expect(names()).toEqual([first, 'holdCredits', 'convert', 'publish', 'recordEnd', 'settleCredits']);
      expect(inputsOf('holdCredits')).toEqual([{ jobId: begun.jobId, amount: 7 }]);
      expect(inputsOf('convert')).toMatchObject([{ price: ACQUIRED.price }]);
    },
  );

  it('fails when there are too few, without converting, and settles all the same', async () => {
    const error = { code: 'INSUFFICIENT_CREDITS', message: 'This needs 7 media credits.' } as const;
    const { handle, names, ends } = await start({
      holdCredits: () => Promise.reject(new KilnError(error.code, error.message)),
    });
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(ends()).toEqual([{ to: 'failed', fault: error }]);
    expect(names()).toEqual([
      'convertSmallFile',
      'holdCredits',
      'recordEnd',
      'settleCredits',
      'discardFiles',
    ]);
  });

  it('settles when it is cancelled while it converts', async () => {
    const started = Promise.withResolvers<void>();
    const {
      handle,
      names,
      start: begun,
    } = await start({
      convert: async () => {
        started.resolve();
        await new Promise((resolve) => setTimeout(resolve, 500));
        return CONVERTED;
      },
    });
    await started.promise;
    await harness.runner.cancelJob(begun, 'not wanted');
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(names().filter((name) => name === 'settleCredits')).toHaveLength(1);
    expect(names().indexOf('settleCredits')).toBeGreaterThan(names().indexOf('recordEnd'));
  });

  it('settles when the hold may have been written though it failed', async () => {
    const { handle, names } = await start({
      holdCredits: () => Promise.reject(new KilnError('WRONG_STATE', 'It is released already.')),
    });
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(names()).toContain('settleCredits');
  });
});

describe('a free job', () => {
  it.each(Object.values(SIZES))('of %i bytes asks for no credits', async (size) => {
    const acquired = { blobId: 'blob', steps: [] };
    const { handle, names } = await start(
      { acquire: async () => acquired, convertSmallFile: async () => CONVERTED },
      size,
    );
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).not.toContain('holdCredits');
    expect(names()).not.toContain('settleCredits');
  });
});
