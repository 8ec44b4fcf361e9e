import { KilnError } from '../../src/domain/errors.ts';
import type { JobRequest } from '../../src/operations/jobs/accept-job.ts';
import { builder } from '../builder.ts';
import { UploadInput } from '../files/upload.ts';
import { uuidOf } from '../global-id.ts';

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

/** What those fields hold. */
export interface JobRequestInput {
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

/** Reads the request. @throws KilnError INVALID_INPUT */
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
