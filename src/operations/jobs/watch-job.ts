import type { Caller } from '../../domain/access/account.ts';
import { eventsAfter, isTerminal, type Job, type NumberedEvent } from '../../domain/jobs/job.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { Changes } from '../../store/mongo/changes.ts';
import { follow } from '../follow.ts';
import type { createFindJobs } from './find-jobs.ts';

/**
 * What a watcher is sent: each numbered event once and in order, progress between them, and a snapshot where events
 * are lost.
 */
export type JobUpdate =
  | { kind: 'event'; event: NumberedEvent; job: Job }
  | { kind: 'progress'; job: Job }
  | { kind: 'snapshot'; job: Job };

export interface WatchJobPorts {
  jobs: Pick<JobRepository, 'get'>;
  changes: Pick<Changes<Job>, 'subscribe'>;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
}

export interface WatchRequest {
  jobId: string;
  /** The number of the last event that the watcher has seen; null for new events only. */
  after: number | null;
  signal?: AbortSignal | undefined;
}

export function createWatchJob({ jobs, changes, findJob }: WatchJobPorts) {
  /** Yields the events after `after`, then new ones, until the job has ended or `signal` aborts. */
  async function* watch(caller: Caller, { jobId, after, signal }: WatchRequest): AsyncGenerator<JobUpdate> {
    let updates: ReturnType<typeof createUpdates> | undefined;
    const ports = { changes, read: () => jobs.get(jobId) };
    for await (const job of follow(ports, { id: jobId, first: () => findJob(caller, jobId), signal })) {
      updates ??= createUpdates(after ?? job.seq);
      yield* updates.of(job);
      if (isTerminal(job.status)) return;
    }
  }

  return {
    watchJob: (
      caller: Caller,
      jobId: string,
      after: number,
      signal?: AbortSignal,
    ): AsyncGenerator<JobUpdate> => watch(caller, { jobId, after, signal }),

    /** Returns the job once it has ended, or as it is after `timeoutMs`. */
    async waitForJob(caller: Caller, jobId: string, timeoutMs: number): Promise<Job> {
      const signal = AbortSignal.timeout(timeoutMs);
      for await (const { job } of watch(caller, { jobId, after: null, signal })) {
        if (isTerminal(job.status)) return job;
      }
      return findJob(caller, jobId);
    },
  };
}

/** Remembers what one watcher has seen, and yields what is new of a job. */
function createUpdates(after: number) {
  let seen = after;
  let newest = 0;
  let percent = -1;
  return {
    *of(job: Job): Generator<JobUpdate> {
      // An older read may arrive after a newer one.
      if (job.seq < newest) return;
      newest = job.seq;
      const { events, truncated } = eventsAfter(job, seen);
      const moved = job.progress.percent !== percent;
      seen = Math.max(seen, job.seq);
      percent = job.progress.percent;
      if (truncated) yield { kind: 'snapshot', job };
      for (const event of events) yield { kind: 'event', event, job };
      if (events.length === 0 && moved) yield { kind: 'progress', job };
    },
  };
}
