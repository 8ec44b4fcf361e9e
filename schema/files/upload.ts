import type { StoredFile, Upload as UploadIntent } from '../../src/domain/files/file.ts';
import type { Job as JobRecord } from '../../src/domain/jobs/job.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { uuidOf } from '../global-id.ts';
import { Job } from '../jobs/job.ts';
import { File } from './file.ts';

interface Header {
  name: string;
  value: string;
}

const UploadHeader = builder.objectRef<Header>('UploadHeader').implement({
  description: 'A header to send with the bytes.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    value: t.exposeString('value', { description: 'Its value.' }),
  }),
});

/** A file that is expected. */
export const Upload = builder.objectRef<UploadIntent>('Upload').implement({
  description:
    'A file that is expected. Send its bytes with `method` to `url`, then complete it; or post it as a form to `formUrl`, which completes by itself.',
  fields: (t) => ({
    id: t.globalID({
      description: 'What `completeUpload` takes.',
      resolve: ({ _id }) => ({ type: 'Upload', id: _id }),
    }),
    fileId: t.exposeID('_id', { description: 'UUID of the file that this upload becomes.' }),
    filename: t.exposeString('filename', { description: 'The announced name.' }),
    mime: t.exposeString('mime', { description: 'The announced media type.' }),
    size: t.expose('size', { type: 'ByteCount', description: 'The announced size; any other is refused.' }),
    method: t.string({ description: 'The HTTP method for `url`.', resolve: () => 'PUT' }),
    url: t.string({
      description: 'Signed link for the bytes, without further credentials.',
      resolve: (upload, _args, { operations, publicUrl }) => publicUrl + operations.links.uploadPath(upload),
    }),
    headers: t.field({
      type: [UploadHeader],
      description: 'Headers to send to `url`.',
      resolve: ({ mime }) => [{ name: 'Content-Type', value: mime }],
    }),
    formUrl: t.string({
      description: 'Signed link for a `multipart/form-data` POST with one part named `file`.',
      resolve: (upload, _args, { operations, publicUrl }) => publicUrl + operations.links.formPath(upload),
    }),
    completeUrl: t.string({
      description: 'Signed link: a POST without a body completes the upload, like `completeUpload`.',
      resolve: (upload, _args, { operations, publicUrl }) =>
        publicUrl + operations.links.completePath(upload),
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the bytes must have arrived.' }),
  }),
});

/** What is announced of a file before its bytes are sent. */
export const UploadInput = builder.inputType('UploadInput', {
  description: 'A file that will be sent.',
  fields: (t) => ({
    filename: t.string({ required: true, description: 'Its name, 1 to 255 characters.' }),
    mime: t.string({ required: true, description: 'Its media type, such as `image/png`.' }),
    size: t.field({ type: 'ByteCount', required: true, description: 'Its exact size in bytes.' }),
  }),
});

const PrepareUploadSuccess = builder.objectRef<{ upload: UploadIntent }>('PrepareUploadSuccess').implement({
  description: 'The file may be sent.',
  fields: (t) => ({
    upload: t.expose('upload', {
      type: Upload,
      description: 'Where and how to send it.',
    }),
  }),
});

interface CompletedUpload {
  file: StoredFile;
  job: JobRecord | null;
}

const CompleteUploadSuccess = builder.objectRef<CompletedUpload>('CompleteUploadSuccess').implement({
  description: 'The file is stored.',
  fields: (t) => ({
    file: t.expose('file', { type: File, description: 'The file.' }),
    job: t.expose('job', {
      type: Job,
      nullable: true,
      description: 'The job that waited for it; null when none did.',
    }),
  }),
});

builder.mutationFields((t) => ({
  prepareUpload: t.field({
    type: PrepareUploadSuccess,
    errors: EXPECTED,
    description: 'Announces a file without a job; jobs can use it by its id afterwards.',
    args: { input: t.arg({ type: UploadInput, required: true, description: 'What will be sent.' }) },
    resolve: (_root, { input }, context) =>
      refusing(context, async () => ({
        upload: await context.operations.prepareUpload(context.caller, input, context.sender),
      })),
  }),
  completeUpload: t.field({
    type: CompleteUploadSuccess,
    errors: EXPECTED,
    description:
      'Stores a file whose bytes were all sent, and starts the job that waits for it. May be repeated; UPLOAD_MISSING while bytes are missing.',
    args: { id: t.arg.id({ required: true, description: 'The `id` of the upload, or its `fileId`.' }) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => {
        const { operations, caller } = context;
        const { upload } = await operations.completeUpload(caller, uuidOf('Upload', id, 'id'));
        const [file, job] = await Promise.all([
          operations.findFile(caller, upload._id),
          upload.jobId ? operations.findJob(caller, upload.jobId) : null,
        ]);
        return { file, job };
      }),
  }),
}));
