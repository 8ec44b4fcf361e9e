import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { KilnError } from '../domain/errors.ts';
import { bodyOf } from './request-body.ts';

/** The name of the form's file part. */
const FILE_FIELD = 'file';

/** Limits for the parts besides the file. */
const LIMITS = { files: 1, fields: 16, parts: 17, fieldSize: 4096, headerPairs: 32, headerSize: 16 * 1024 };
/** Most bytes around the file's own. It is generous, since bytes on their way through the parser count too. */
export const MAX_OVERHEAD_BYTES = 1024 * 1024;

/**
 * Streams the only file of a multipart form into `store` and returns its result, once `store` has ended. An
 * error of either ends both.
 * @throws KilnError INVALID_INPUT for a form that is malformed or holds anything but one file.
 */
export async function receiveFormFile<T>(
  incoming: IncomingMessage,
  store: (file: Readable) => Promise<T>,
): Promise<T> {
  const form = createParser(incoming);
  const body = bodyOf(incoming);
  let firstError: unknown;
  let part: BusboyFileStream | undefined;
  let stored: Promise<T> | undefined;

  function fail(error: unknown) {
    firstError ??= error;
    body.destroy(error instanceof Error ? error : undefined);
  }
  form.on('error', (error) => fail(error instanceof KilnError ? error : malformed(error)));
  form.on('filesLimit', () => fail(invalid('The form must hold exactly one file.')));
  form.on('partsLimit', () => fail(invalid('The form has too many parts.')));
  form.on('fieldsLimit', () => fail(invalid('The form has too many fields.')));
  form.on('field', (name) => {
    if (!name) fail(invalid('A field of the form has no name.'));
  });
  form.on('file', (name, file) => {
    file.on('error', () => {});
    if (name !== FILE_FIELD) return fail(invalid(`The file must be sent in a part named "${FILE_FIELD}".`));
    part = file;
    stored = store(file);
    stored.catch(fail);
  });

  try {
    await pipeline(body, (chunks: AsyncIterable<Buffer>) => refuseOverhead(chunks, () => part), form);
    return await (stored ?? Promise.reject(invalid(`The form has no file in a part named "${FILE_FIELD}".`)));
  } catch (error) {
    part?.destroy(error instanceof Error ? error : undefined);
    await stored?.catch(() => {});
    throw firstError ?? error;
  }
}

function createParser({ headers }: IncomingMessage): BusboyInstance {
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) throw invalid('The body must be multipart/form-data.');
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': type },
      limits: LIMITS,
      isPartAFile: (name, mime, filename) =>
        name === FILE_FIELD || filename !== undefined || mime === 'application/octet-stream',
    });
  } catch (error) {
    throw malformed(error);
  }
}

/** Yields the body; throws INVALID_INPUT once it holds too much besides the file, which the parser only truncates. */
async function* refuseOverhead(chunks: AsyncIterable<Buffer>, part: () => BusboyFileStream | undefined) {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total - (part()?.bytesRead ?? 0) > MAX_OVERHEAD_BYTES) {
      throw invalid('The form holds too much besides the file.');
    }
    yield chunk;
  }
}

function invalid(message: string): KilnError {
  return new KilnError('INVALID_INPUT', message, {
    hint: 'Send the file as curl -F "file=@photo.jpg" does.',
  });
}

function malformed(cause: unknown): KilnError {
  return new KilnError('INVALID_INPUT', 'The body is not a complete and well-formed multipart form.', {
    cause,
  });
}
