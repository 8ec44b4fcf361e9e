import { KilnError } from '../../src/domain/errors.ts';
import type { Upload as UploadIntent } from '../../src/domain/files/file.ts';
import type { Job as JobRecord } from '../../src/domain/jobs/job.ts';
import { builder } from '../builder.ts';
import type { KilnContext } from '../context.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { Upload } from '../files/upload.ts';
import { uuidOf } from '../global-id.ts';
import { Job } from './job.ts';
import { idempotencyKeyField, JOB_REQUEST_PATHS, jobRequestFields, jobRequestOf } from './job-request.ts';

const MAX_WAIT_MS = 30_000;

const CreateJobInput = builder.inputType('CreateJobInput', {
  description: 'A conversion.',
  fields: (t) => ({
    ...jobRequestFields(t),
    idempotencyKey: idempotencyKeyField(t, 'job'),
    wait: t.int({
      description: `Milliseconds to wait for the end before answering, at most ${MAX_WAIT_MS}; only with \`fileId\`.`,
    }),
  }),
});

const CreateJobSuccess = builder
  .objectRef<{ job: JobRecord; upload: UploadIntent | null }>('CreateJobSuccess')
  .implement({
    description: 'The job is accepted.',
    fields: (t) => ({
      job: t.field({ type: Job, description: 'The job.', resolve: ({ job }) => job }),
      upload: t.field({
        type: Upload,
        nullable: true,
        description: 'Where to send the file; null when it was already there.',
        resolve: ({ upload }) => upload,
      }),
    }),
  });

const CompleteJobSuccess = builder.objectRef<{ job: JobRecord }>('CompleteJobSuccess').implement({
  description: 'The file of the job is stored and the job goes on.',
  fields: (t) => ({ job: t.field({ type: Job, description: 'The job.', resolve: ({ job }) => job }) }),
});

const CancelJobSuccess = builder.objectRef<{ job: JobRecord }>('CancelJobSuccess').implement({
  description: 'The job is cancelled.',
  fields: (t) => ({ job: t.field({ type: Job, description: 'The job.', resolve: ({ job }) => job }) }),
});

const jobIdArg = 'The `id` or `jobId` of the job.';

builder.mutationField('createJob', (t) =>
  t.field({
    type: CreateJobSuccess,
    errors: EXPECTED,
    description: 'Asks for a conversion. With `upload`: send the file, then call `completeJob`.',
    args: { input: t.arg({ type: CreateJobInput, required: true, description: 'What is wanted.' }) },
    resolve: (_root, { input }, context) =>
      refusing(
        context,
        async () => {
          const wait = requireWait(input.wait);
          const { idempotencyKey } = input;
          const request = {
            ...jobRequestOf(input),
            ...(typeof idempotencyKey === 'string' && { idempotencyKey }),
          };
          if (wait > 0 && input.upload)
            throw invalid('wait', 'Wait in `completeJob`: the file has not been sent yet.');
          const { job, upload } = await context.operations.submitJob(context.caller, request, context.sender);
          return { job: await settle(context, job, wait), upload };
        },
        JOB_REQUEST_PATHS,
      ),
  }),
);

builder.mutationField('completeJob', (t) =>
  t.field({
    type: CompleteJobSuccess,
    errors: EXPECTED,
    description: 'Declares that the file of a job was sent completely. May be repeated.',
    args: {
      id: t.arg.id({ required: true, description: jobIdArg }),
      wait: t.arg.int({
        description: `Milliseconds to wait for the end before answering, at most ${MAX_WAIT_MS}.`,
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
);

builder.mutationField('retryJob', (t) =>
  t.field({
    type: CreateJobSuccess,
    errors: EXPECTED,
    description:
      'Does a job again that ended without a result, as a new job. Send its file again where `upload` is not null.',
    args: { id: t.arg.id({ required: true, description: jobIdArg }) },
    resolve: (_root, { id }, context) =>
      refusing(context, () =>
        context.operations.retryJob(context.caller, uuidOf('Job', id, 'id'), context.sender),
      ),
  }),
);

builder.mutationField('cancelJob', (t) =>
  t.field({
    type: CancelJobSuccess,
    errors: EXPECTED,
    description: 'Ends a job, its engine included. May be repeated.',
    args: { id: t.arg.id({ required: true, description: jobIdArg }) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        job: await context.operations.cancelJob(context.caller, uuidOf('Job', id, 'id')),
      })),
  }),
);

function requireWait(wait: number | null | undefined): number {
  const waitMs = wait ?? 0;
  if (waitMs >= 0 && waitMs <= MAX_WAIT_MS) return waitMs;
  throw invalid('wait', `\`wait\` must be 0 to ${MAX_WAIT_MS} milliseconds.`);
}

async function settle(
  { operations, caller }: KilnContext,
  job: JobRecord,
  waitMs: number,
): Promise<JobRecord> {
  if (waitMs === 0) return job;
  // The job is accepted: whoever cannot be shown its end is shown the job.
  return operations.waitForJob(caller, job._id, waitMs).catch((error: unknown) => {
    if (error instanceof KilnError && error.retryable) return job;
    throw error;
  });
}

function invalid(field: string, message: string): KilnError {
  return new KilnError('INVALID_INPUT', message, { field });
}
