import type { Job as JobRecord, JobSummary, JobStatus as Status } from '../../src/domain/jobs/job.ts';
import { builder } from '../builder.ts';
import { dialectValues } from '../dialect.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';
import { pageCost, pageOf } from '../page.ts';
import { Failure, JobCallback, JobConversion, JobInput, JobOutput, JobProgress } from './job-parts.ts';
import { requireWait, settle, WAIT } from './job-wait.ts';

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
    dialect: t.expose('dialect', {
      type: Dialect,
      description: 'The API it came through.',
    }),
    status: t.expose('status', { type: JobStatus, description: 'Where it stands.' }),
    progress: t.expose('progress', {
      type: JobProgress,
      description: 'How far it is.',
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
      description: 'UUID of the job that this one repeats; null when it repeats none.',
    }),
    inputs: t.expose('inputs', { type: [JobInput], description: 'What is converted.' }),
    conversions: t.expose('conversions', {
      type: [JobConversion],
      description: 'What is made of it.',
    }),
    outputs: t.expose('outputs', { type: [JobOutput], description: 'The results.' }),
    warnings: t.exposeStringList('warnings', {
      description: 'What was not done as asked, without failing the job.',
    }),
    error: t.expose('error', {
      type: Failure,
      nullable: true,
      description: 'Why it ended without a result; null unless it did.',
    }),
    callback: t.expose('callback', {
      type: JobCallback,
      nullable: true,
      description: 'Who is told when it ends; null when nobody is.',
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
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null before that.',
    }),
  }),
});

builder.queryFields((t) => ({
  job: t.field({
    type: Job,
    nullable: true,
    description:
      'One of your jobs, whatever API it came through; null with the error NOT_FOUND when you own no such job.',
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

const CompleteJobSuccess = builder.objectRef<{ job: JobRecord }>('CompleteJobSuccess').implement({
  description: 'The file of the job is stored and the job goes on.',
  fields: (t) => ({ job: t.expose('job', { type: Job, description: 'The job.' }) }),
});

const CancelJobSuccess = builder.objectRef<{ job: JobRecord }>('CancelJobSuccess').implement({
  description: 'The job is cancelled.',
  fields: (t) => ({ job: t.expose('job', { type: Job, description: 'The job.' }) }),
});

const idArg = { required: true, description: 'The `id` or `jobId` of the job.' } as const;

builder.mutationFields((t) => ({
  completeJob: t.field({
    type: CompleteJobSuccess,
    errors: EXPECTED,
    description:
      'Starts a job whose file was sent completely. May be repeated; UPLOAD_MISSING while bytes are missing.',
    args: {
      id: t.arg.id(idArg),
      wait: t.arg.int({
        description: `${WAIT}.`,
      }),
    },
    resolve: (_root, { id, wait }, context) =>
      refusing(context, async () => {
        const { operations, caller } = context;
        const waitMs = requireWait(wait);
        const { _id, inputs } = await operations.findJob(caller, uuidOf('Job', id, 'id'));
        for (const { fileId, status } of inputs) {
          if (status === 'waiting') await operations.completeUpload(caller, fileId);
        }
        return { job: await settle(context, await operations.findJob(caller, _id), waitMs) };
      }),
  }),
  cancelJob: t.field({
    type: CancelJobSuccess,
    errors: EXPECTED,
    description:
      'Cancels a job and stops its engine. May be repeated; WRONG_STATE once the job has ended otherwise.',
    args: { id: t.arg.id(idArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        job: await context.operations.cancelJob(context.caller, uuidOf('Job', id, 'id')),
      })),
  }),
}));

/** An enum whose GraphQL names are the domain's own words in capitals. */
export function valuesOf<T extends string>(descriptions: Readonly<Record<T, string>>) {
  const entries = Object.entries(descriptions) as [T, string][];
  return Object.fromEntries(
    entries.map(([value, description]) => [value.toUpperCase(), { value, description }] as const),
  ) as { [K in T as Uppercase<K>]: { value: K; description: string } };
}
