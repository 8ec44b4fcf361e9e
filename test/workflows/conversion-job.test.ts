import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, KilnError } from '../../src/domain/errors.ts';
import { ENGINE_ERRORS } from '../../workflows/attempts.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const LARGE = 33 * 2 ** 20;
const HOUR = 3_600_000;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

describe('a job that waits for its upload', () => {
  it('becomes ready once the upload has arrived', async () => {
    const { start, handle, calls, ends } = await harness.job();
    await harness.runner.startJob(start);
    expect(await handle.query('phase')).toBe('waiting for upload');
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(calls.map(({ name, queue, local }) => [name, queue, local])).toEqual([
      ['recordQueued', 'jobs', true],
      ['convertSmallFile', 'image', false],
      ['recordEnd', 'jobs', true],
    ]);
    expect(ends()).toEqual([{ to: 'ready', outputs: [CONVERTED] }]);
  });

  it('converts once, however often the upload is reported', async () => {
    const opened = Promise.withResolvers<void>();
    const { start, handle, inputsOf } = await harness.job({
      convertSmallFile: async () => {
        await opened.promise;
        return CONVERTED;
      },
    });
    await harness.runner.startJob(start);
    await Promise.all([harness.runner.uploadCompleted(start), harness.runner.uploadCompleted(start)]);
    await harness.runner.uploadCompleted(start);
    opened.resolve();
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(inputsOf('recordQueued')).toHaveLength(1);
    expect(inputsOf('convertSmallFile')).toHaveLength(1);
  });

  it('is started by the upload when its own start was lost', async () => {
    const { start, handle, names } = await harness.job();
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).toEqual(['recordQueued', 'convertSmallFile', 'recordEnd']);
  });

  it('expires at the deadline, leaves no files and tells the receiver', async () => {
    const { start, handle, names, ends } = await harness.job({}, { hasCallback: true });
    const before = await harness.env.currentTimeMs();
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'expired' });
    expect((await harness.env.currentTimeMs()) - before).toBeGreaterThanOrEqual(HOUR - 1000);
    expect(ends()).toEqual([
      { to: 'expired', fault: { code: 'UPLOAD_EXPIRED', message: 'The file was not uploaded in time.' } },
    ]);
    await harness.env.client.workflow.getHandle(`delivery:${start.jobId}`).result();
    expect(names()).toEqual([
      'expireUpload',
      'recordEnd',
      'discardFiles',
      'prepareCallback',
      'attemptDelivery',
    ]);
  });

  it('does not expire when the database knows of an upload that nobody told it of', async () => {
    const { start, handle, names } = await harness.job(
      { expireUpload: async () => ({ arrived: true }) },
      { uploadDeadline: 1 },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).toEqual(['expireUpload', 'recordQueued', 'convertSmallFile', 'recordEnd']);
  });

  it('expires at once when the deadline passed while nothing of Kiln ran', async () => {
    const { start, handle } = await harness.job({}, { uploadDeadline: 1 });
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'expired' });
  });
});

describe('a job whose file is there', () => {
  it('converts without waiting', async () => {
    const { start, handle, names } = await harness.job({}, { uploadDeadline: null });
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).toEqual(['convertSmallFile', 'recordEnd']);
  });

  it('is started once, however often it is asked for', async () => {
    const { start, handle, inputsOf } = await harness.job({}, { uploadDeadline: null });
    await Promise.all([harness.runner.startJob(start), harness.runner.startJob(start)]);
    await handle.result();
    expect(inputsOf('convertSmallFile')).toHaveLength(1);
  });

  it('goes stage by stage when the file is large', async () => {
    const acquired = { blobId: 'big', steps: [] };
    const { start, handle, calls } = await harness.job(
      { acquire: async () => acquired },
      { uploadDeadline: null, size: LARGE },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    const { jobId } = start;
    expect(calls.slice(0, 3)).toMatchObject([
      { name: 'acquire', queue: 'io', input: { jobId } },
      { name: 'convert', queue: 'image', input: { jobId, ...acquired } },
      { name: 'publish', queue: 'io', input: { jobId, converted: CONVERTED } },
    ]);
  });

  it('repeats only the stage that failed when the file is large', async () => {
    const { start, handle, names } = await harness.job(
      { publish: failingTimes(1, new KilnError('UNAVAILABLE', 'The database does not answer.')) },
      { uploadDeadline: null, size: LARGE },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).toEqual(['acquire', 'convert', 'publish', 'publish', 'recordEnd']);
  });

  it('shows in Temporal what became of it', async () => {
    const { start, handle } = await harness.job({}, { uploadDeadline: null });
    await harness.runner.startJob(start);
    await handle.result();
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes).toMatchObject({
      KilnStage: ['ready'],
      KilnEngine: [CONVERTED.engine],
      KilnOwner: [start.owner],
    });
  });
});

describe('a failing conversion', () => {
  it.each(['ENGINE_CRASHED', 'INTERNAL', 'UNAVAILABLE'] as const)('%s is tried again', async (code) => {
    const { start, handle, names } = await harness.job(
      { convertSmallFile: failingTimes(1, new KilnError(code, 'Not this time.')) },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(names()).toEqual(['convertSmallFile', 'convertSmallFile', 'recordEnd']);
  });

  it('gives up after four attempts, leaves no files and never shows the text of an unforeseen error', async () => {
    const { start, handle, names, ends } = await harness.job(
      { convertSmallFile: failingTimes(99, new Error('EACCES: /srv/secret/place')) },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(names()).toEqual([...Array(4).fill('convertSmallFile'), 'recordEnd', 'discardFiles']);
    const message = 'The conversion did not finish because of a fault on our side.';
    expect(ends()).toEqual([{ to: 'failed', fault: { code: 'INTERNAL', message } }]);
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history).toContain(message);
    expect(history).not.toContain('EACCES');
  });

  it('sits out an outage, which is no attempt of the engine, at every stage', async () => {
    const outage = (code: 'UNAVAILABLE' | 'INSUFFICIENT_STORAGE') =>
      failingTimes(4, new KilnError(code, 'Not now.'));
    const small = await harness.job({ convertSmallFile: outage('UNAVAILABLE') }, { uploadDeadline: null });
    const large = await harness.job(
      { convert: outage('INSUFFICIENT_STORAGE'), publish: outage('UNAVAILABLE') },
      { uploadDeadline: null, size: LARGE },
    );
    await Promise.all([small, large].map(({ start }) => harness.runner.startJob(start)));
    for (const { handle } of [small, large]) expect(await handle.result()).toEqual({ status: 'ready' });
    const { events } = await large.handle.fetchHistory();
    expect(events?.length).toBeLessThan(30);
  });

  it('counts the errors of the engine whatever outages lie between them', async () => {
    const codes = ['ENGINE_CRASHED', 'UNAVAILABLE', 'INTERNAL', 'UNAVAILABLE', 'ENGINE_CRASHED'] as const;
    const errors = codes.map((code) => new KilnError(code, 'Not this time.'));
    const convertSmallFile = async () => {
      const error = errors.shift();
      if (error) throw error;
      return CONVERTED;
    };
    const { start, handle } = await harness.job({ convertSmallFile }, { uploadDeadline: null });
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
  });

  it('knows of each error that may pass whether it counts', () => {
    const passing = Object.entries(ERROR_CODES).flatMap(([code, { retry }]) => (retry ? [code] : []));
    const uncounted = ['INSUFFICIENT_STORAGE', 'RATE_LIMITED', 'UNAVAILABLE'];
    expect(passing.toSorted()).toEqual([...ENGINE_ERRORS, ...uncounted].toSorted());
  });

  it.each(['CORRUPT_INPUT', 'TYPE_MISMATCH', 'ENGINE_TIMEOUT'] as const)('%s is final', async (code) => {
    const { start, handle, names, ends } = await harness.job(
      { convertSmallFile: failingTimes(99, new KilnError(code, 'It will not work.')) },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(names()).toEqual(['convertSmallFile', 'recordEnd', 'discardFiles']);
    expect(ends()).toEqual([{ to: 'failed', fault: { code, message: 'It will not work.' } }]);
  });
});

describe('a database outage', () => {
  const away = new KilnError('UNAVAILABLE', 'The database does not answer.');

  it('of a moment is sat out by the local activity', async () => {
    const { start, handle, calls } = await harness.job(
      { recordEnd: failingTimes(3, away, 'ready') },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect(calls.filter(({ name }) => name === 'recordEnd').map(({ local }) => local)).toEqual(
      Array(4).fill(true),
    );
  });

  it('of more than five seconds moves the write to a remote activity', async () => {
    const began = Date.now();
    const { start, handle, calls } = await harness.job(
      {
        recordEnd: async ({ end }) => {
          if (Date.now() - began < 6500) throw away;
          return end.to;
        },
      },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    const writes = calls.filter(({ name }) => name === 'recordEnd');
    expect(writes[0]).toMatchObject({ queue: 'jobs', local: true });
    expect(writes.at(-1)).toMatchObject({ queue: 'io', local: false });
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThan(30);
  });

  it('does not turn a refusal into a second try', async () => {
    const refused = new KilnError('WRONG_STATE', 'The job is cancelled and cannot become queued.');
    const { start, handle, inputsOf, ends } = await harness.job({ recordQueued: failingTimes(99, refused) });
    await harness.runner.startJob(start);
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(inputsOf('recordQueued')).toHaveLength(1);
    expect(ends()).toMatchObject([{ to: 'failed', fault: { code: 'WRONG_STATE' } }]);
  });
});

describe('a second run of a job that has ended', () => {
  it('keeps the end that was written first, its files and its one callback', async () => {
    const fakes = { recordEnd: async () => 'ready' as const };
    const { start, handle, inputsOf } = await harness.job(fakes, { uploadDeadline: null, hasCallback: true });
    await harness.runner.startJob(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    // As an operator may start it: no call of ours begins an ended job again.
    const again = await harness.env.client.workflow.start('conversionJob', {
      workflowId: handle.workflowId,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      taskQueue: (await handle.describe()).taskQueue,
      args: [start],
    });
    expect(await again.result()).toEqual({ status: 'ready' });
    await harness.env.client.workflow.getHandle(`delivery:${start.jobId}`).result();
    expect(inputsOf('recordEnd')).toHaveLength(2);
    expect(inputsOf('discardFiles')).toEqual([]);
    expect(inputsOf('attemptDelivery')).toHaveLength(1);
  });
});

/** Throws `error` the first `times` times. */
function failingTimes<T = typeof CONVERTED>(times: number, error: Error, value = CONVERTED as T) {
  let left = times;
  return async (): Promise<T> => {
    left -= 1;
    if (left >= 0) throw error;
    return value;
  };
}
