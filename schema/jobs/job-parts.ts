import type {
  JobCallback as CallbackRecord,
  JobConversion as ConversionRecord,
  JobInput as InputRecord,
  JobOutput as OutputRecord,
  JobProgress as ProgressRecord,
  StoredError,
} from '../../src/domain/jobs/job.ts';
import { builder } from '../builder.ts';
import { ErrorCodeEnum } from '../errors.ts';

/** Why a job or a part of it failed. */
export const Failure = builder.objectRef<StoredError>('Failure').implement({
  description: 'Why something failed.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'For programs.' }),
    message: t.exposeString('message', { description: 'For people; safe to show.' }),
  }),
});

/** How far a job is. */
export const JobProgress = builder.objectRef<ProgressRecord>('JobProgress').implement({
  description: 'How far a job is.',
  fields: (t) => ({
    percent: t.exposeFloat('percent', { description: '0 to 100.' }),
    stage: t.exposeString('stage', { description: 'What is being done, for people.' }),
  }),
});

const InputStatus = builder.enumType('JobInputStatus', {
  description: 'The state of one input.',
  values: {
    WAITING: { value: 'waiting', description: 'Its bytes have not been accepted yet.' },
    READY: { value: 'ready', description: 'It is there and is what it was said to be.' },
    FAILED: { value: 'failed', description: 'It could not be accepted.' },
  } as const,
});

/** A file that a job converts. */
export const JobInput = builder.objectRef<InputRecord>('JobInput').implement({
  description: 'A file that a job converts.',
  fields: (t) => ({
    fileId: t.exposeID('fileId', { description: 'UUID of the file, and of the upload that brings it.' }),
    filename: t.exposeString('filename', { description: 'Its name.' }),
    mime: t.exposeString('mime', { description: 'The announced media type.' }),
    size: t.expose('size', { type: 'ByteCount', description: 'The announced size in bytes.' }),
    format: t.exposeString('format', {
      nullable: true,
      description: 'Id of the format that the bytes really have; null until they were looked at.',
    }),
    status: t.expose('status', { type: InputStatus, description: 'Its state.' }),
    error: t.expose('error', {
      type: Failure,
      nullable: true,
      description: 'Why it failed; null unless it did.',
    }),
  }),
});

const ConversionStatus = builder.enumType('JobConversionStatus', {
  description: 'The state of one conversion.',
  values: {
    WAITING: { value: 'waiting', description: 'Not begun.' },
    PROCESSING: { value: 'processing', description: 'An engine works on it.' },
    READY: { value: 'ready', description: 'Done.' },
    FAILED: { value: 'failed', description: 'It could not be done.' },
  } as const,
});

/** What a job makes of its input. */
export const JobConversion = builder.objectRef<ConversionRecord>('JobConversion').implement({
  description: 'What a job makes of its input.',
  fields: (t) => ({
    source: t.exposeString('source', {
      nullable: true,
      description: 'Id of the source format; null until the bytes were looked at, unless it was asked for.',
    }),
    target: t.exposeString('target', { description: 'Id of the target format.' }),
    options: t.expose('options', {
      type: 'JSON',
      description: 'The options with all defaults filled in.',
    }),
    status: t.expose('status', { type: ConversionStatus, description: 'Its state.' }),
    engine: t.exposeString('engine', {
      nullable: true,
      description: 'The engine that did the work; null until it is done.',
    }),
    engineMs: t.exposeFloat('engineMs', {
      nullable: true,
      description: 'Milliseconds that the engine worked; null until it is done.',
    }),
    error: t.expose('error', {
      type: Failure,
      nullable: true,
      description: 'Why it failed; null unless it did.',
    }),
  }),
});

/** A result of a job. */
export const JobOutput = builder.objectRef<OutputRecord>('JobOutput').implement({
  description: 'A result of a job.',
  fields: (t) => ({
    fileId: t.exposeID('fileId', { description: 'UUID of the file; another job can start from it.' }),
    filename: t.exposeString('filename', { description: 'The name of the input with the new extension.' }),
    mime: t.exposeString('mime', { description: 'The media type.' }),
    size: t.expose('size', { type: 'ByteCount', description: 'Size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of the content, lower-case hexadecimal.' }),
    width: t.exposeInt('width', {
      nullable: true,
      description: 'Width in pixels; null where there are none.',
    }),
    height: t.exposeInt('height', {
      nullable: true,
      description: 'Height in pixels; null where there are none.',
    }),
    downloadUrl: t.string({
      nullable: true,
      description: 'Signed link to the content, without further credentials; null when it has expired.',
      resolve: (output, _args, { operations, publicUrl }) =>
        output.expiresAt.getTime() > Date.now() ? publicUrl + operations.links.downloadPath(output) : null,
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the file is removed.' }),
  }),
});

const CallbackStatus = builder.enumType('CallbackStatus', {
  description: 'Whether the receiver knows of the end of the job.',
  values: {
    PENDING: { value: 'pending', description: 'Not delivered yet; attempts may be under way.' },
    DELIVERED: { value: 'delivered', description: 'The receiver confirmed it.' },
    FAILED: { value: 'failed', description: 'The last attempt failed as well.' },
  } as const,
});

/** Who is told when a job ends. The secret is written only, never read. */
export const JobCallback = builder.objectRef<CallbackRecord>('JobCallback').implement({
  description: 'Who is told when a job ends, and whether that worked.',
  fields: (t) => ({
    url: t.exposeString('url', { description: 'The address that is called.' }),
    status: t.expose('status', { type: CallbackStatus, description: 'How it stands.' }),
    attempts: t.exposeInt('attempts', { description: 'How often it was tried.' }),
  }),
});
