import type { Caller } from '../../domain/access/account.ts';
import { eventsAfter, isTerminal, type Job, type NumberedEvent } from '../../domain/jobs/job.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { Changes } from '../../store/mongo/changes.ts';
import { follow } from '../follow.ts';
import type { createFindJobs } from './find-jobs.ts';

/** What a watcher sees: numbered events, each exactly once and in order, and progress between them. */
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
  /** The last event that the watcher has seen; null for those who only want what comes. */
  after: number | null;
  signal?: AbortSignal | undefined;
}

export function createWatchJob({ jobs, changes, findJob }: WatchJobPorts) {
  /** Replays everything after `after`, then goes live until the job has ended or `signal` aborts. */
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

    /** The job as it is when it has ended, or when the time is over. */
    async waitForJob(caller: Caller, jobId: string, timeoutMs: number): Promise<Job> {
      const signal = AbortSignal.timeout(timeoutMs);
      for await (const { job } of watch(caller, { jobId, after: null, signal })) {
        if (isTerminal(job.status)) return job;
      }
      return findJob(caller, jobId);
    },
  };
}

/** Remembers what one watcher has been told, and picks out what is new to it. */
function createUpdates(after: number) {
  let seen = after;
  let newest = 0;
  let percent = -1;
  return {
    *of(job: Job): Generator<JobUpdate> {
      // Two answers of the database may overtake each other on their way here.
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
