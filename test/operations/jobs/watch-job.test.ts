import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import type { Job, JobEvent, JobStatus } from '../../../src/domain/jobs/job.ts';
import { createWatchJob, type JobUpdate } from '../../../src/operations/jobs/watch-job.ts';
import { aJob, anAccountCaller } from '../../support/records.ts';

const CALLER = anAccountCaller();

/** One job in memory that rings when it changes, as the store does. */
function watchedJob(different: Partial<Job> = {}) {
  let job = aJob(different);
  const listeners = new Set<() => void>();
  let reads = 0;
  let beforeRead = (): void | Promise<void> => {};
  const ring = () => {
    for (const listener of listeners) listener();
  };
  const operations = createWatchJob({
    jobs: {
      get: async () => {
        reads += 1;
        await beforeRead();
        return job;
      },
    },
    changes: {
      subscribe(_jobId, listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    findJob: async (caller) => {
      if (caller.kind === 'anonymous') throw new KilnError('NOT_FOUND', 'There is no such job.');
      return job;
    },
  });
  return {
    ...operations,
    id: job._id,
    listeners,
    reads: () => reads,
    whenRead: (action: typeof beforeRead) => {
      beforeRead = action;
    },
    move(status: JobStatus, { quietly = false } = {}) {
      const event: JobEvent = { type: 'status', status, at: new Date(), cause: status, message: null };
      job = { ...job, status, seq: job.seq + 1, events: [...job.events, event].slice(-500) };
      if (!quietly) ring();
    },
    progress(percent: number) {
      job = { ...job, progress: { percent, stage: 'converting' } };
      ring();
    },
  };
}

const summaryOf = (update: JobUpdate | undefined) =>
  update?.kind === 'event'
    ? `${update.event.seq} ${update.event.status}`
    : `${update?.kind} ${update?.job.progress.percent}`;

async function next(updates: AsyncGenerator<JobUpdate>): Promise<string> {
  const { value, done } = await updates.next();
  return done ? 'end' : summaryOf(value);
}

async function all(updates: AsyncGenerator<JobUpdate>): Promise<string[]> {
  const list: string[] = [];
  for await (const update of updates) list.push(summaryOf(update));
  return list;
}

/** What comes of it by the time that a watcher looks for itself, since nobody rang for ten seconds. */
async function unrung<T>(begin: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const result = begin();
  await vi.advanceTimersByTimeAsync(10_000);
  return result;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a watcher', () => {
  it('gets what it has missed, then what happens, and then the end', async () => {
    const job = watchedJob();
    job.move('queued');
    const updates = job.watchJob(CALLER, job.id, 0);
    expect([await next(updates), await next(updates)]).toEqual(['1 awaiting_upload', '2 queued']);
    const live = next(updates);
    await turn();
    job.move('processing');
    expect(await live).toBe('3 processing');
    const progress = next(updates);
    await turn();
    job.progress(40);
    expect(await progress).toBe('progress 40');
    job.move('ready');
    expect([await next(updates), await next(updates)]).toEqual(['4 ready', 'end']);
  });

  it('gets nothing twice when it comes back', async () => {
    const job = watchedJob();
    for (const status of ['queued', 'processing', 'ready'] as const) job.move(status);
    expect(await all(job.watchJob(CALLER, job.id, 2))).toEqual(['3 processing', '4 ready']);
  });

  it('of a job that has ended before is told so, and no more', async () => {
    const job = watchedJob({ status: 'ready', progress: { percent: 100, stage: 'ready' } });
    expect(await all(job.watchJob(CALLER, job.id, 1))).toEqual(['progress 100']);
  });

  it('who is too far behind gets a snapshot first', async () => {
    const job = watchedJob();
    for (let i = 0; i < 600; i += 1) job.move('processing');
    job.move('ready');
    const updates = await all(job.watchJob(CALLER, job.id, 5));
    expect(updates[0]).toBe('snapshot 0');
    expect(updates).toHaveLength(501);
    expect(updates.at(-1)).toBe('602 ready');
  });

  it('misses nothing that happens while it reads', async () => {
    const job = watchedJob();
    let once = true;
    job.whenRead(async () => {
      if (!once) return;
      once = false;
      // Between the answer of the database and the wait for a ring.
      queueMicrotask(() => job.move('ready'));
    });
    const seen = await unrung(() => all(job.watchJob(CALLER, job.id, 0)));
    expect(seen).toEqual(['1 awaiting_upload', '2 ready']);
  });

  it('misses nothing that happens while it is slow', async () => {
    const job = watchedJob();
    const updates = job.watchJob(CALLER, job.id, 0);
    await next(updates);
    for (const status of ['queued', 'processing', 'ready'] as const) job.move(status);
    expect(await all(updates)).toEqual(['2 queued', '3 processing', '4 ready']);
  });

  it('does not read again without a ring', async () => {
    const job = watchedJob();
    const updates = job.watchJob(CALLER, job.id, 1);
    await next(updates);
    const waiting = next(updates);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(job.reads()).toBe(0);
    job.move('failed');
    expect(await waiting).toBe('2 failed');
  });

  it('who may not see the job is told that there is none', async () => {
    const job = watchedJob();
    await expect(all(job.watchJob({ kind: 'anonymous' }, job.id, 0))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(job.listeners.size).toBe(0);
  });
});

describe('an abort', () => {
  it('ends a waiting watcher at once and leaves nothing behind', async () => {
    const job = watchedJob();
    const abort = new AbortController();
    const updates = job.watchJob(CALLER, job.id, 1, abort.signal);
    await next(updates);
    const waiting = next(updates);
    await turn();
    const began = performance.now();
    abort.abort();
    expect(await waiting).toBe('end');
    // Without the abort it would look for itself after ten seconds.
    expect(performance.now() - began).toBeLessThan(2000);
    expect(job.listeners.size).toBe(0);
  });

  it('before the beginning lets nothing begin', async () => {
    const job = watchedJob();
    expect(await all(job.watchJob(CALLER, job.id, 0, AbortSignal.abort()))).toEqual([]);
    expect(job.listeners.size).toBe(0);
  });

  it('during a read ends after it', async () => {
    const job = watchedJob();
    const abort = new AbortController();
    job.whenRead(() => abort.abort());
    const seen = await unrung(() => all(job.watchJob(CALLER, job.id, 1, abort.signal)));
    expect(seen).toEqual(['progress 0']);
  });
});

describe('a watcher that leaves', () => {
  it('is forgotten', async () => {
    const job = watchedJob();
    const updates = job.watchJob(CALLER, job.id, 0);
    await next(updates);
    expect(job.listeners.size).toBe(1);
    await updates.return(undefined);
    expect(job.listeners.size).toBe(0);
  });
});

describe('waiting for a job', () => {
  it('answers as soon as it has ended', async () => {
    const job = watchedJob();
    const ended = job.waitForJob(CALLER, job.id, 20_000);
    await turn();
    job.move('processing');
    await turn();
    job.move('ready');
    expect(await ended).toMatchObject({ status: 'ready', seq: 3 });
    expect(job.listeners.size).toBe(0);
  });

  it('answers at once when it has ended before', async () => {
    const job = watchedJob({ status: 'failed' });
    expect(await job.waitForJob(CALLER, job.id, 20_000)).toMatchObject({ status: 'failed' });
  });

  it('answers with the job as it is when the time is over', async () => {
    const job = watchedJob();
    const late = job.waitForJob(CALLER, job.id, 60);
    await turn();
    job.move('queued', { quietly: true });
    expect(await late).toMatchObject({ status: 'queued' });
    expect(job.listeners.size).toBe(0);
  });
});
