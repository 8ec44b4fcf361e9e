import type { Caller } from '../domain/account.ts';
import { eventsAfter, isTerminal, type Job, type NumberedEvent } from '../domain/job.ts';
import type { Changes } from '../store/changes.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { createFindJobs } from './find-jobs.ts';

/** What a watcher sees: numbered events, each exactly once and in order, and progress between them. */
export type JobUpdate =
  | { kind: 'event'; event: NumberedEvent; job: Job }
  | { kind: 'progress'; job: Job }
  | { kind: 'snapshot'; job: Job };

export interface WatchJobPorts {
  jobs: Pick<JobRepository, 'get'>;
  changes: Pick<Changes, 'subscribe'>;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
}

/** How long a watcher trusts silence before it looks for itself. */
const QUIET_MS = 10_000;

export function createWatchJob({ jobs, changes, findJob }: WatchJobPorts) {
  /**
   * Replays everything after `after`, then goes live until the job has ended or `signal` aborts.
   * Truth is always read from the database; a change notice only says when to read.
   */
  async function* watch(jobId: string, after: number, signal?: AbortSignal): AsyncGenerator<JobUpdate> {
    const bell = createBell(signal);
    const unsubscribe = changes.subscribe(jobId, bell.ring);
    const news = createNews(after);
    try {
      while (!signal?.aborted) {
        bell.reset();
        const job = await jobs.get(jobId);
        yield* news.of(job);
        if (isTerminal(job.status)) return;
        await bell.wait(QUIET_MS);
      }
    } finally {
      unsubscribe();
      bell.dispose();
    }
  }

  return {
    async *watchJob(
      caller: Caller,
      jobId: string,
      after: number,
      signal?: AbortSignal,
    ): AsyncGenerator<JobUpdate> {
      await findJob(caller, jobId);
      yield* watch(jobId, after, signal);
    },

    /** The job as it is when it has ended, or when the time is over. */
    async waitForJob(caller: Caller, jobId: string, timeoutMs: number): Promise<Job> {
      const job = await findJob(caller, jobId);
      for await (const update of watch(jobId, job.seq, AbortSignal.timeout(timeoutMs))) {
        if (isTerminal(update.job.status)) return update.job;
      }
      return jobs.get(jobId);
    },
  };
}

/** Remembers what one watcher has been told, and picks out what is new to it. */
function createNews(after: number) {
  let seen = after;
  let percent = -1;
  return {
    *of(job: Job): Generator<JobUpdate> {
      const { events, truncated } = eventsAfter(job, seen);
      const moved = job.progress.percent !== percent;
      seen = job.seq;
      percent = job.progress.percent;
      if (truncated) yield { kind: 'snapshot', job };
      for (const event of events) yield { kind: 'event', event, job };
      if (events.length === 0 && moved) yield { kind: 'progress', job };
    },
  };
}

/** A doorbell that remembers a ring until somebody listens; an abort rings as well. */
function createBell(signal?: AbortSignal) {
  let rung = false;
  let wake: (() => void) | undefined;
  function ring() {
    rung = true;
    wake?.();
  }
  signal?.addEventListener('abort', ring);
  return {
    ring,
    reset() {
      rung = false;
    },
    async wait(timeoutMs: number): Promise<void> {
      if (rung) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      wake = resolve;
      await promise;
      clearTimeout(timer);
      wake = undefined;
    },
    dispose() {
      signal?.removeEventListener('abort', ring);
    },
  };
}
