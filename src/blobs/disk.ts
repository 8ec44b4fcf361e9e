import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConversionError } from '../domain/errors.ts';
import type { BlobFacts, BlobStore, WriteLimits } from './blob-store.ts';
import { createGarbageMeter } from './young-garbage.ts';

const CHUNK_BYTES = 256 * 1024;
const BLOB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Blobs as files below `root`, spread over 4,096 folders; a rename makes each appear whole or not at all. */
export function createDiskBlobStore(root: string): BlobStore {
  /** The tail of an id is its random part; the head of a time-ordered one hardly varies. */
  function pathOf(id: string): string {
    if (!BLOB_ID.test(id)) throw new ConversionError('NOT_FOUND', 'There is no such file.');
    return join(root, createHash('sha256').update(id).digest('hex').slice(0, 3), id);
  }

  return {
    async write(id, source, limits) {
      const path = pathOf(id);
      const temporary = `${path}.part`;
      await mkdir(dirname(path), { recursive: true });
      try {
        const facts = await receive(source, temporary, limits);
        await rename(temporary, path);
        return facts;
      } catch (error) {
        await rm(temporary, { force: true });
        throw translate(error);
      }
    },

    async adopt(id, path) {
      const target = pathOf(id);
      const facts = await digest(path).catch(rethrow);
      await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      return facts;
    },

    async read(id, range) {
      const path = pathOf(id);
      const handle = await open(path, 'r').catch(rethrow);
      return handle.createReadStream({ ...range, highWaterMark: CHUNK_BYTES });
    },

    async localPath(id) {
      const path = pathOf(id);
      await stat(path).catch(rethrow);
      return path;
    },

    async size(id) {
      return (await stat(pathOf(id)).catch(rethrow)).size;
    },

    async remove(id) {
      await rm(pathOf(id), { force: true });
    },
  };
}

/** Writes to `path` with a running digest, and makes sure of the disk before it reports success. */
async function receive(
  source: Readable,
  path: string,
  { maxBytes, signal }: WriteLimits,
): Promise<BlobFacts> {
  const hash = createHash('sha256');
  const passed = createGarbageMeter();
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes)
        return done(new ConversionError('TOO_LARGE', `More than ${maxBytes} bytes arrived.`));
      hash.update(chunk);
      passed(chunk.length);
      done(null, chunk);
    },
  });
  const sink = createWriteStream(path, { highWaterMark: CHUNK_BYTES, flush: true });
  await pipeline(source, meter, sink, signal ? { signal } : {});
  return { size, sha256: hash.digest('hex') };
}

async function digest(path: string): Promise<BlobFacts> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

function rethrow(error: unknown): never {
  throw translate(error);
}

function translate(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return new ConversionError('NOT_FOUND', 'There is no such file.', { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new ConversionError('INSUFFICIENT_STORAGE', 'There is no space left to store the file.', {
      cause: error,
    });
  }
  return error;
}
