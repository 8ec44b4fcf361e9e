import { z } from 'zod';
import { KilnError, ofPart } from '../../domain/errors.ts';
import { converterHint, parseConverterSlug } from '../../domain/formats/find-format.ts';
import type { JobRequest } from '../../operations/jobs/accept-job.ts';

const MAX_NAME = 255;
const MAX_URL = 2048;
const MAX_SECRET = 512;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;.*)?$/;
const ABSOLUTE_URL = /^https?:\/\/[^\s/]/i;

/**
 * The body of a prepare. Ignores unknown fields: the original forbids none, and its clients may send whatever
 * their own job records hold.
 */
const prepareBody = z
  .object({
    converterSlug: z
      .string('converterSlug must be the name of a converter, such as "jpg-to-png".')
      .min(1, 'converterSlug must not be empty.'),
    inputFilename: z
      .string('inputFilename must be a text.')
      .min(1, 'inputFilename must not be empty.')
      .max(MAX_NAME, `inputFilename may have at most ${MAX_NAME} characters.`)
      .transform((name) => name.toWellFormed()),
    inputMime: z
      .string('inputMime must be a text.')
      .max(MAX_NAME, `inputMime may have at most ${MAX_NAME} characters.`)
      .regex(MEDIA_TYPE, 'inputMime must be a media type such as "image/jpeg".'),
    inputSize: z
      .int('inputSize must be a whole number of bytes.')
      .min(1, 'inputSize must be at least 1 byte.'),
    uploadMode: z.enum(['put', 'multipart'], 'uploadMode must be "put" or "multipart".').default('put'),
    callbackUrl: z
      .string('callbackUrl must be a text.')
      .max(MAX_URL, `callbackUrl may have at most ${MAX_URL} characters.`)
      .refine(
        (url) => ABSOLUTE_URL.test(url) && URL.canParse(url),
        'callbackUrl must be an absolute http or https URL.',
      )
      .optional(),
    callbackSecret: z
      .string('callbackSecret must be a text.')
      .min(1, 'callbackSecret must not be empty.')
      .max(MAX_SECRET, `callbackSecret may have at most ${MAX_SECRET} characters.`)
      .optional(),
  })
  .refine(({ callbackUrl, callbackSecret }) => callbackUrl !== undefined || callbackSecret === undefined, {
    error: 'callbackSecret has no meaning without callbackUrl.',
    path: ['callbackSecret'],
  });

/** How many jobs this dialect takes in one batch. */
const MAX_BATCH_JOBS = 25;
const MAX_LABEL = 80;

/** The body of a batch prepare. Jobs are checked one by one, so that an error names the job. */
const batchBody = z.object({
  label: z
    .string('label must be a text.')
    .refine((label) => [...label].length <= MAX_LABEL, `label may have at most ${MAX_LABEL} characters.`)
    .transform((label) => label.toWellFormed())
    .nullish(),
  jobs: z
    .array(z.unknown(), 'jobs must be a list of jobs.')
    .min(1, 'jobs must hold at least one job.')
    .max(MAX_BATCH_JOBS, `jobs may hold at most ${MAX_BATCH_JOBS} jobs.`),
});

/** What a prepare asks for: a job, and how its bytes will come. */
export interface PrepareRequest {
  job: JobRequest;
  uploadMode: 'put' | 'multipart';
}

/**
 * Reads the body of a prepare, whatever its Content-Type says.
 * @throws KilnError INVALID_INPUT with the first wrong field, or UNKNOWN_CONVERTER.
 */
export function parsePrepare(text: string): PrepareRequest {
  return readPrepare(parseJson(text));
}

/** What a batch prepare asks for. */
interface BatchPrepareRequest {
  label: string | null | undefined;
  jobs: PrepareRequest[];
}

/**
 * Reads the body of a batch prepare.
 * @throws KilnError INVALID_INPUT or UNKNOWN_CONVERTER that names the job, such as `jobs.3.inputSize`.
 */
export function parseBatchPrepare(text: string): BatchPrepareRequest {
  const result = batchBody.safeParse(parseJson(text));
  if (!result.success) throw refuse(result.error);
  const { label, jobs } = result.data;
  return { label, jobs: jobs.map(readPart) };
}

function readPart(body: unknown, index: number): PrepareRequest {
  try {
    return readPrepare(body);
  } catch (error) {
    throw ofPart(`jobs.${index}`, error);
  }
}

function readPrepare(body: unknown): PrepareRequest {
  const result = prepareBody.safeParse(body);
  if (!result.success) throw refuse(result.error);
  const { converterSlug, inputFilename, inputMime, inputSize, uploadMode, callbackUrl, callbackSecret } =
    result.data;
  const converter = parseConverterSlug(converterSlug);
  if (!converter) {
    throw new KilnError('UNKNOWN_CONVERTER', 'There is no converter of this name.', {
      field: 'converterSlug',
      hint: converterHint(converterSlug),
    });
  }
  const job: JobRequest = {
    dialect: 'swapmyfile',
    input: { upload: { filename: inputFilename, mime: inputMime, size: inputSize } },
    ...converter,
    ...(callbackUrl !== undefined && {
      callback: { url: callbackUrl, ...(callbackSecret !== undefined && { secret: callbackSecret }) },
    }),
  };
  return { job, uploadMode };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KilnError('INVALID_INPUT', 'The body is not valid JSON.', { cause });
  }
}

function refuse({ issues }: z.ZodError): KilnError {
  const [issue] = issues;
  const field = issue?.path.join('.');
  if (!issue || !field) return new KilnError('INVALID_INPUT', 'The body must be a JSON object.');
  return new KilnError('INVALID_INPUT', issue.message, { field });
}
