import type { Filter, UpdateFilter } from 'mongodb';
import { KilnError } from '../domain/errors.ts';
import {
  EVENT_WINDOW,
  isTerminal,
  type Job,
  type JobCallback,
  type JobEvent,
  type JobProgress,
  type JobStatus,
  type JobSummary,
  legalSources,
  rejectTransition,
} from '../domain/jobs/job.ts';
import { isWorkedAt, queueLease, workLease } from '../domain/jobs/job-lease.ts';
import type { Page } from '../domain/page.ts';
import { createGroupedReads } from '../grouped.ts';
import type { Changes } from './mongo/changes.ts';
import { type Collections, insertIfAbsent, insertMissing, translateErrors } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

/** The fields that a transition may set besides the state. */
export type JobPatch = Partial<
  Pick<
    Job,
    | 'inputs'
    | 'conversions'
    | 'outputs'
    | 'warnings'
    | 'error'
    | 'progress'
    | 'callback'
    | 'spent'
    | 'finishedAt'
  > & {
    /** Parts of the callback by themselves, where the rest may be written by somebody else. */
    'callback.attempts': JobCallback['attempts'];
    'callback.status': JobCallback['status'];
  }
>;

export interface Transition {
  to: JobStatus;
  /** Deterministic: the same cause twice is one event. */
  cause: string;
  message?: string;
  patch?: JobPatch;
}

export interface JobPage extends Page {
  owner: string;
  dialect?: Job['dialect'];
  status?: JobStatus;
}

export type JobRepository = ReturnType<typeof createJobRepository>;

/** The jobs collection. Each state change is one conditional update that also appends its event. */
export function createJobRepository(
  { jobs }: Pick<Collections, 'jobs'>,
  changes: Pick<Changes<Job>, 'publish'>,
) {
  async function get(id: string): Promise<Job> {
    const job = await jobs.findOne({ _id: id });
    if (!job) throw new KilnError('NOT_FOUND', 'There is no such job.');
    return job;
  }

  /** Those of these jobs that exist, in the order asked. */
  async function getMany(ids: readonly string[]): Promise<Job[]> {
    const found = new Map<string, Job>();
    for await (const job of jobs.find({ _id: { $in: [...ids] } })) found.set(job._id, job);
    return ids.map((id) => found.get(id)).filter((job) => job !== undefined);
  }

  async function apply(
    id: string,
    filter: Filter<Job>,
    event: JobEvent,
    patch: Partial<Job>,
  ): Promise<Job | null> {
    // Temporal may lose a cancel request after its end was recorded: the repair checks cancelled jobs once.
    const needsLook = isWorkedAt(event.status) || event.status === 'cancelled';
    const update: UpdateFilter<Job> = {
      $set: {
        ...patch,
        status: event.status,
        updatedAt: event.at,
        ...(needsLook && { repairAt: workLease() }),
      },
      $inc: { seq: 1 },
      $push: { events: { $each: [event], $slice: -EVENT_WINDOW } },
      ...(isTerminal(event.status) && !needsLook && { $unset: { repairAt: '' } }),
    };
    const job = await jobs.findOneAndUpdate(
      { ...filter, _id: id, 'events.cause': { $ne: event.cause } },
      update,
      {
        returnDocument: 'after',
      },
    );
    if (job) changes.publish(job);
    return job;
  }

  return translateErrors({
    get,

    /** Null when there never was one. */
    find: (id: string): Promise<Job | null> => jobs.findOne({ _id: id }),

    /** @returns whether it was not there before. */
    async insertIfAbsent(job: Job): Promise<boolean> {
      const isNew = await insertIfAbsent(jobs, job);
      if (isNew) changes.publish(job);
      return isNew;
    },

    insertMissing: (many: readonly Job[]): Promise<void> => insertMissing(jobs, many),

    getMany,

    /** One of many that are asked for at a time, which are read together. */
    getAmongMany: createGroupedReads(getMany),

    /** Moves a job and returns it. @throws KilnError WRONG_STATE unless the move is legal, or a repeat. */
    async transition(id: string, { to, cause, message, patch = {} }: Transition): Promise<Job> {
      const at = new Date();
      const finishedAt = isTerminal(to) ? { finishedAt: at } : {};
      const event: JobEvent = { type: 'status', status: to, at, cause, message: message ?? null };
      const moved = await apply(id, { status: { $in: [...legalSources(to)] } }, event, {
        ...patch,
        ...finishedAt,
      });
      if (moved) return moved;
      const job = await get(id);
      return job.events.some((known) => known.cause === cause) ? job : rejectTransition(job, to);
    },

    /** Appends an event that leaves the status as it is, such as a delivered callback. May be repeated. */
    async append(id: string, event: Omit<JobEvent, 'at' | 'status'>, patch: JobPatch = {}): Promise<Job> {
      for (;;) {
        const { status } = await get(id);
        const written = await apply(id, { status }, { ...event, status, at: new Date() }, patch);
        if (written) return written;
        // Not written: the event is there already, or the status has changed since it was read.
        const job = await get(id);
        if (job.events.some(({ cause }) => cause === event.cause)) return job;
      }
    },

    /** Writes progress if the job still has this status, else does nothing. Progress is no event. */
    async setProgress(
      id: string,
      progress: JobProgress,
      status: 'queued' | 'processing' = 'processing',
    ): Promise<void> {
      const repairAt = status === 'queued' ? queueLease() : workLease();
      const job = await jobs.findOneAndUpdate(
        { _id: id, status },
        { $set: { progress, updatedAt: new Date(), repairAt } },
        { returnDocument: 'after' },
      );
      if (job) changes.publish(job);
    },

    /** Shortens the lease of a job whose workflow is about to be signalled: the repair checks that it moves on. */
    async expectMove(jobId: string, until: Date): Promise<void> {
      await jobs.updateOne({ _id: jobId, status: 'awaiting_upload' }, { $set: { repairAt: until } });
    },

    async list({ owner, dialect, status, ...page }: JobPage): Promise<JobSummary[]> {
      const { bounds, options } = paging('_id', page);
      const filter: Filter<Job> = {
        owner,
        ...(dialect && { dialect }),
        ...(status && { status }),
        ...bounds,
      };
      return jobs.find(filter, { ...options, projection: { events: 0 } }).toArray();
    },

    /** Returns the statuses of those of these jobs that exist. */
    async statusesOf(ids: readonly string[]): Promise<Map<string, JobStatus>> {
      if (ids.length === 0) return new Map();
      const found = await jobs.find({ _id: { $in: [...ids] } }, { projection: { status: 1 } }).toArray();
      return new Map(found.map(({ _id, status }) => [_id, status]));
    },
  });
}
