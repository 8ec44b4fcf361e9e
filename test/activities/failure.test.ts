import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { translateFailures } from '../../activities/failure.ts';
import { ERROR_CODES, type ErrorCode, KilnError } from '../../src/domain/errors.ts';
import { rememberingLogger } from '../support/harness/activity-harness.ts';

/** What Temporal is told when an activity throws this, and what the log is told. */
async function translated(error: unknown, { cancelled = false } = {}) {
  const { entries, logger } = rememberingLogger();
  const env = new MockActivityEnvironment({}, { logger });
  const { failing } = translateFailures({
    async failing() {
      if (cancelled) env.cancel('CANCELLED');
      throw error;
    },
  });
  const failure: unknown = await env.run(failing).catch((reason: unknown) => reason);
  const logged = entries
    .filter(({ message }) => message === 'an activity met a fault')
    .map(({ meta }) => meta?.err);
  return { failure, logged };
}

const CODES = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => code !== 'CANCELLED');

describe('a failed activity', () => {
  it.each(CODES)('says %s to Temporal, and whether trying again makes sense', async (code) => {
    const { failure } = await translated(new KilnError(code, 'A sentence.'));
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      type: code,
      message: 'A sentence.',
      nonRetryable: !ERROR_CODES[code].retry,
    });
  });

  it('takes neither the cause nor the hint along', async () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.5:27017');
    const { failure } = await translated(new KilnError('UNAVAILABLE', 'Not now.', { cause, hint: 'h' }));
    expect(failure).toMatchObject({ cause: undefined });
    expect(JSON.stringify(failure)).not.toContain('10.0.0.5');
  });

  it.each([
    ['an error', new Error('ENOENT: /srv/data/secret')],
    ['a text', 'token=s3cret'],
    ['nothing', undefined],
  ])('hides %s that nobody foresaw, and logs it', async (_name, thrown) => {
    const { failure, logged } = await translated(thrown);
    expect(failure).toMatchObject({
      type: 'INTERNAL',
      message: 'The conversion did not finish because of a fault on our side.',
      nonRetryable: false,
      cause: undefined,
    });
    expect(logged).toEqual([thrown]);
  });

  it('logs what may be our own fault, and not what a user did', async () => {
    const crashed = new KilnError('ENGINE_CRASHED', 'The engine stopped.');
    expect((await translated(crashed)).logged).toEqual([crashed]);
    expect((await translated(new KilnError('CORRUPT_INPUT', 'Damaged.'))).logged).toEqual([]);
  });

  it.each([
    ['CANCELLED', new KilnError('CANCELLED', 'Stopped.')],
    ['Temporal’s own', new CancelledFailure('Stopped.')],
  ])('is a cancellation when it says so: %s', async (_name, error) => {
    expect((await translated(error)).failure).toBeInstanceOf(CancelledFailure);
  });

  it.each([
    ['a broken pipe', new Error('EPIPE')],
    ['an abort', new DOMException('This operation was aborted', 'AbortError')],
    ['a code', new KilnError('ENGINE_CRASHED', 'The engine stopped.')],
  ])('is a cancellation when it was cancelled, whatever it threw: %s', async (_name, error) => {
    const { failure, logged } = await translated(error, { cancelled: true });
    expect(failure).toBeInstanceOf(CancelledFailure);
    expect(logged).toEqual([]);
  });

  it('passes on what Temporal understands already', async () => {
    const failure = ApplicationFailure.nonRetryable('x', 'WRONG_STATE');
    expect((await translated(failure)).failure).toBe(failure);
  });

  it('leaves results alone', async () => {
    const { working } = translateFailures({ working: async ({ n }: { n: number }) => n + 1 });
    expect(await new MockActivityEnvironment().run(working, { n: 1 })).toBe(2);
  });
});
