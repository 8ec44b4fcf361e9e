import { KilnError } from '../../src/domain/errors.ts';
import type { Upload as UploadIntent } from '../../src/domain/files/file.ts';
import type { Job as JobRecord } from '../../src/domain/jobs/job.ts';
import type { JobRequest } from '../../src/operations/jobs/accept-job.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { Upload, UploadInput } from '../files/upload.ts';
import { uuidOf } from '../global-id.ts';
import { Job } from './job.ts';
import { requireWait, settle, WAIT } from './job-wait.ts';

const CallbackInput = builder.inputType('CallbackInput', {
  description: 'Who is to be told when the job ends.',
  fields: (t) => ({
    url: t.string({
      required: true,
      description: 'An absolute http or https URL; it gets a signed POST, as webhook endpoints do.',
    }),
    secret: t.string({ description: 'What the POST is signed with. Nobody can read it back.' }),
  }),
});

type InputFields = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, 'InputObject'>;

/** The fields of every input that asks for a conversion. */
export function jobRequestFields(t: InputFields) {
  return {
    upload: t.field({
      type: UploadInput,
      description: 'A file that will be sent. Exactly one of `upload` and `fileId`.',
    }),
    fileId: t.id({ description: 'A file that is already there: its `id` or `fileId`.' }),
    source: t.string({ description: 'Format that the file must have; otherwise its bytes decide.' }),
    target: t.string({
      required: true,
      description: 'Format that is wanted: an id or extension, see `formats`.',
    }),
    options: t.field({
      type: 'JSON',
      description: 'How to convert, as `Format.optionsSchema` of the target says.',
    }),
    callback: t.field({ type: CallbackInput, description: 'Who is to be told when it ends.' }),
  };
}

/** The field of an input by which a repeated call is recognised. */
export function idempotencyKeyField(t: InputFields, what: string) {
  return t.string({
    description: `A name of your own for this request, 1 to 255 characters: sent again within 24 hours, the answer is the same ${what}. With another content it is refused.`,
  });
}

/** The values of those fields. */
interface JobRequestInput {
  upload?: typeof UploadInput.$inferInput | null | undefined;
  fileId?: string | null | undefined;
  source?: string | null | undefined;
  target: string;
  options?: unknown;
  callback?: typeof CallbackInput.$inferInput | null | undefined;
}

/** Fields of the operations by their path in such an input. */
export const JOB_REQUEST_PATHS: Readonly<Record<string, string>> = {
  filename: 'upload.filename',
  mime: 'upload.mime',
  size: 'upload.size',
  callbackUrl: 'callback.url',
};

/** Reads those fields as a request. @throws KilnError INVALID_INPUT */
export function jobRequestOf(input: JobRequestInput): JobRequest {
  const { upload, fileId, source, target, options, callback } = input;
  return {
    dialect: 'graphql',
    input: inputOf(upload, fileId),
    target,
    ...(source && { source }),
    ...(options !== undefined && options !== null && { options }),
    ...(callback && { callback: { url: callback.url, ...(callback.secret && { secret: callback.secret }) } }),
  };
}

function inputOf(upload: JobRequestInput['upload'], fileId: JobRequestInput['fileId']): JobRequest['input'] {
  if (upload && !fileId) return { upload };
  if (fileId && !upload) return { fileId: uuidOf('File', fileId, 'fileId') };
  throw new KilnError('INVALID_INPUT', 'Exactly one of `upload` and `fileId` is needed.', {
    field: 'upload',
  });
}

const CreateJobInput = builder.inputType('CreateJobInput', {
  description: 'A conversion.',
  fields: (t) => ({
    ...jobRequestFields(t),
    idempotencyKey: idempotencyKeyField(t, 'job'),
    wait: t.int({
      description: `${WAIT}; only with \`fileId\`.`,
    }),
  }),
});

const CreateJobSuccess = builder
  .objectRef<{ job: JobRecord; upload: UploadIntent | null }>('CreateJobSuccess')
  .implement({
    description: 'The job is accepted.',
    fields: (t) => ({
      job: t.expose('job', { type: Job, description: 'The job.' }),
      upload: t.expose('upload', {
        type: Upload,
        nullable: true,
        description: 'Where to send the file; null when it was already there.',
      }),
    }),
  });

const idArg = { required: true, description: 'The `id` or `jobId` of the job.' } as const;

builder.mutationFields((t) => ({
  createJob: t.field({
    type: CreateJobSuccess,
    errors: EXPECTED,
    description: 'Creates a job that converts a file. With `upload`: send the file, then call `completeJob`.',
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
            throw new KilnError('INVALID_INPUT', 'Wait in `completeJob`: the file has not been sent yet.', {
              field: 'wait',
            });
          const { job, upload } = await context.operations.submitJob(context.caller, request, context.sender);
          return { job: await settle(context, job, wait), upload };
        },
        JOB_REQUEST_PATHS,
      ),
  }),
  retryJob: t.field({
    type: CreateJobSuccess,
    errors: EXPECTED,
    description:
      'Repeats a job that ended without a result, as a new job. Send its file again where `upload` is not null. WRONG_STATE for any other job.',
    args: { id: t.arg.id(idArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, () =>
        context.operations.retryJob(context.caller, uuidOf('Job', id, 'id'), context.sender),
      ),
  }),
}));
