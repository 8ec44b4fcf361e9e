import { KilnError } from '../../src/domain/errors.ts';
import { eventsAfter, type Job as JobRecord } from '../../src/domain/jobs/job.ts';
import type { JobUpdate } from '../../src/operations/jobs/watch-job.ts';
import { builder } from '../builder.ts';
import { uuidOf } from '../global-id.ts';
import { cancellable } from './cancellable.ts';
import { Job, JobStatus } from './job.ts';
import { JobProgress } from './job-parts.ts';

/** What a list of events costs: up to 500 are stored, but rarely more than a few dozen. */
const manyEvents = { field: 1, multiplier: 50 };

const JobEventKind = builder.enumType('JobEventKind', {
  description: 'What kind of event it is.',
  values: {
    STATUS: { value: 'status', description: 'The job moved to another state.' },
    WARNING: { value: 'warning', description: 'Something was not done as asked; the job goes on.' },
    CALLBACK: { value: 'callback', description: 'The receiver was called, or could not be.' },
    PROGRESS: { value: 'progress', description: 'The job got further; not numbered and never replayed.' },
    SNAPSHOT: {
      value: 'snapshot',
      description: 'Stands for older events that are no longer kept: read `job`.',
    },
  } as const,
});

const JobEvent = builder.objectRef<JobUpdate>('JobEvent').implement({
  description: 'Something that happened to a job.',
  fields: (t) => ({
    kind: t.field({
      type: JobEventKind,
      description: 'What kind of event it is.',
      resolve: (update) => (update.kind === 'event' ? update.event.type : update.kind),
    }),
    seq: t.int({
      nullable: true,
      description:
        'Its number: ask for what comes after it when a connection broke. Null for PROGRESS and SNAPSHOT.',
      resolve: (update) => (update.kind === 'event' ? update.event.seq : null),
    }),
    status: t.field({
      type: JobStatus,
      description: 'The state of the job after it.',
      resolve: (update) => (update.kind === 'event' ? update.event.status : update.job.status),
    }),
    at: t.field({
      type: 'DateTime',
      description: 'When it happened.',
      resolve: (update) => (update.kind === 'event' ? update.event.at : update.job.updatedAt),
    }),
    message: t.string({
      nullable: true,
      description: 'More about it, for people; null when there is no more to say.',
      resolve: (update) => (update.kind === 'event' ? update.event.message : null),
    }),
    progress: t.field({
      type: JobProgress,
      description: 'How far the job is now.',
      resolve: ({ job }) => job.progress,
    }),
    truncated: t.boolean({
      description: 'Whether events before this one are missing, since only the latest are kept.',
      resolve: ({ kind }) => kind === 'snapshot',
    }),
    job: t.expose('job', { type: Job, description: 'The job as it is now.' }),
  }),
});

builder.objectField(Job, 'events', (t) =>
  t.field({
    type: [JobEvent],
    description: 'What happened to it, oldest first; the latest 500 are kept.',
    complexity: manyEvents,
    args: {
      after: t.arg.int({ defaultValue: 0, required: true, description: 'Only events with a higher `seq`.' }),
    },
    resolve: async (job, { after }, { operations }) =>
      pastOf(await operations.wholeJob(job), requireSeq(after)),
  }),
);

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEvent,
    description:
      'Streams everything that happens to one of your jobs: first what came after `after`, then live. Completes when the job has ended.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The `id` or `jobId` of the job.' }),
      after: t.arg.int({
        defaultValue: 0,
        required: true,
        description: 'The last `seq` that you have seen.',
      }),
    },
    subscribe: (_root, { jobId, after }, { operations, caller }) => {
      const id = uuidOf('Job', jobId, 'jobId');
      const seen = requireSeq(after);
      return cancellable((signal) => operations.watchJob(caller, id, seen, signal));
    },
    resolve: (update) => update,
  }),
);

/** Returns the stored events after a `seq`, behind a SNAPSHOT if older ones are no longer kept. */
function pastOf(job: JobRecord, after: number): JobUpdate[] {
  const { events, truncated } = eventsAfter(job, after);
  const kept = events.map((event): JobUpdate => ({ kind: 'event', event, job }));
  return truncated ? [{ kind: 'snapshot', job }, ...kept] : kept;
}

/** Returns `after`. @throws KilnError INVALID_INPUT if it is negative. */
export function requireSeq(after: number): number {
  if (after >= 0) return after;
  throw new KilnError('INVALID_INPUT', '`after` must be 0 or more.', { field: 'after' });
}
