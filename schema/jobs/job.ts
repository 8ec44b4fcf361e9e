import type { Job as JobRecord, JobSummary, JobStatus as Status } from '../../src/domain/jobs/job.ts';
import { builder } from '../builder.ts';
import { dialectValues } from '../dialect.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';
import { pageCost, pageOf } from '../page.ts';
import { Failure, JobCallback, JobConversion, JobInput, JobOutput, JobProgress } from './job-parts.ts';

const STATUSES: Readonly<Record<Status, string>> = {
  draft: 'Being put together; nothing runs.',
  awaiting_upload: 'Waits for its file.',
  importing: 'Fetches its file.',
  queued: 'Waits for an engine.',
  processing: 'An engine works on it.',
  ready: 'Done; the outputs are there.',
  failed: 'Ended without a result; `error` says why.',
  cancelled: 'Ended by its owner.',
  expired: 'Ended because its file did not arrive in time.',
};

/** Where a job stands. */
export const JobStatus = builder.enumType('JobStatus', {
  description: 'Where a job stands. READY, FAILED, CANCELLED and EXPIRED are final.',
  values: valuesOf(STATUSES),
});

const Dialect = builder.enumType('Dialect', {
  description: 'An API through which jobs come.',
  values: dialectValues(),
});

/** One conversion from its request to its end. */
export const Job = builder.objectRef<JobSummary & Partial<JobRecord>>('Job');

builder.node(Job, {
  description: 'One conversion, from the request to the result.',
  id: { resolve: ({ _id }) => _id },
  loadWithoutCache: (id, { operations, caller }) => orNull(operations.findJob(caller, id)),
  fields: (t) => ({
    jobId: t.exposeID('_id', { description: 'The bare UUID, as callbacks and other APIs of Kiln show it.' }),
    dialect: t.field({
      type: Dialect,
      description: 'The API it came through.',
      resolve: ({ dialect }) => dialect,
    }),
    status: t.field({ type: JobStatus, description: 'Where it stands.', resolve: ({ status }) => status }),
    progress: t.field({
      type: JobProgress,
      description: 'How far it is.',
      resolve: ({ progress }) => progress,
    }),
    queuePosition: t.int({
      nullable: true,
      description:
        'While the plan has no place for it: how many of your jobs begin before it does, itself included; 1 is next. Null when it does not wait.',
      complexity: 5,
      resolve: (job, _args, { operations }) => operations.queuePositionOf(job),
    }),
    retryOf: t.exposeID('retryOf', {
      nullable: true,
      description: 'UUID of the job that this one does again.',
    }),
    inputs: t.field({ type: [JobInput], description: 'What is converted.', resolve: ({ inputs }) => inputs }),
    conversions: t.field({
      type: [JobConversion],
      description: 'What is made of it.',
      resolve: ({ conversions }) => conversions,
    }),
    outputs: t.field({ type: [JobOutput], description: 'The results.', resolve: ({ outputs }) => outputs }),
    warnings: t.exposeStringList('warnings', { description: 'What did not go as asked, though it went.' }),
    error: t.field({
      type: Failure,
      nullable: true,
      description: 'Why it failed.',
      resolve: ({ error }) => error,
    }),
    callback: t.field({
      type: JobCallback,
      nullable: true,
      description: 'Who is told when it ends.',
      resolve: ({ callback }) => callback,
    }),
    spent: t.field({
      type: 'Credits',
      description: 'Media credits that it cost; 0 unless it is ready.',
      resolve: ({ spent = 0 }) => spent,
    }),
    seq: t.exposeInt('seq', { description: 'How many events there were so far.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When anything about it last changed.',
    }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
});

builder.queryFields((t) => ({
  job: t.field({
    type: Job,
    nullable: true,
    description: 'One of your jobs, whatever API it came through.',
    args: { id: t.arg.id({ required: true, description: 'Its `id` or `jobId`.' }) },
    resolve: (_root, { id }, { operations, caller }) => operations.findJob(caller, uuidOf('Job', id, 'id')),
  }),
  jobs: t.connection({
    type: Job,
    description: 'Your jobs, newest first.',
    complexity: pageCost,
    args: { status: t.arg({ type: JobStatus, description: 'Only jobs in this state.' }) },
    resolve: (_root, { status, ...page }, { operations, caller }) =>
      pageOf(page, (query) => operations.listJobs(caller, { ...query, ...(status && { status }) })),
  }),
}));

/** An enum whose GraphQL names are the domain's own words in capitals. */
export function valuesOf<T extends string>(descriptions: Readonly<Record<T, string>>) {
  const entries = Object.entries(descriptions) as [T, string][];
  return Object.fromEntries(
    entries.map(([value, description]) => [value.toUpperCase(), { value, description }] as const),
  ) as { [K in T as Uppercase<K>]: { value: K; description: string } };
}
