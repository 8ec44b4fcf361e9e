import { MAX_BATCH_JOBS } from '../../src/domain/batches/batch.ts';
import type { SubmittedBatch } from '../../src/operations/batches/submit-batch.ts';
import type { AcceptedJob } from '../../src/operations/jobs/accept-job.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { Upload } from '../files/upload.ts';
import { uuidOf } from '../global-id.ts';
import { Job } from '../jobs/job.ts';
import {
  idempotencyKeyField,
  JOB_REQUEST_PATHS,
  jobRequestFields,
  jobRequestOf,
} from '../jobs/job-request.ts';
import { Batch } from './batch.ts';

const BatchJobInput = builder.inputType('BatchJobInput', {
  description: 'One conversion of a batch.',
  fields: jobRequestFields,
});

const CreateBatchInput = builder.inputType('CreateBatchInput', {
  description: 'Conversions that belong together.',
  fields: (t) => ({
    label: t.string({ description: 'What you call it, at most 80 characters.' }),
    jobs: t.field({
      type: [BatchJobInput],
      required: true,
      description: `1 to ${MAX_BATCH_JOBS} conversions.`,
    }),
    archive: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Whether to pack all results into one ZIP file as well.',
    }),
    idempotencyKey: idempotencyKeyField(t, 'batch'),
  }),
});

const BatchJob = builder.objectRef<AcceptedJob>('BatchJob').implement({
  description: 'A job of a new batch, and where its file goes.',
  fields: (t) => ({
    job: t.expose('job', { type: Job, description: 'The job.' }),
    upload: t.expose('upload', {
      type: Upload,
      nullable: true,
      description: 'Where to send the file; null when it was already there.',
    }),
  }),
});

const CreateBatchSuccess = builder.objectRef<SubmittedBatch>('CreateBatchSuccess').implement({
  description: 'All jobs of the batch are accepted.',
  fields: (t) => ({
    batch: t.expose('batch', { type: Batch, description: 'The batch.' }),
    jobs: t.expose('jobs', {
      type: [BatchJob],
      description: 'Its jobs, in the order in which they were asked for. Files may be sent in any order.',
    }),
  }),
});

const idArg = { required: true, description: 'The `id` or `batchId` of the batch.' } as const;

builder.mutationFields((t) => ({
  createBatch: t.field({
    type: CreateBatchSuccess,
    errors: EXPECTED,
    description:
      'Creates a batch of jobs: all of them are accepted, or none. The `field` of an error names the job, such as `jobs.3.target`.',
    args: { input: t.arg({ type: CreateBatchInput, required: true, description: 'What is wanted.' }) },
    resolve: (_root, { input }, context) =>
      refusing(
        context,
        () => {
          const { label, archive, jobs, idempotencyKey } = input;
          const request = {
            ...({ dialect: 'graphql', label, archive, jobs: jobs.map(jobRequestOf) } as const),
            ...(typeof idempotencyKey === 'string' && { idempotencyKey }),
          };
          return context.operations.submitBatch(context.caller, request, context.sender);
        },
        JOB_REQUEST_PATHS,
      ),
  }),
  retryBatch: t.field({
    type: CreateBatchSuccess,
    errors: EXPECTED,
    description:
      'Repeats the jobs of a batch that did not become ready, as a new batch of new jobs. Send the file again where `upload` is not null. WRONG_STATE until the batch is over, and when all jobs are ready.',
    args: { id: t.arg.id(idArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, () =>
        context.operations.retryBatch(context.caller, uuidOf('Batch', id, 'id'), context.sender),
      ),
  }),
}));
