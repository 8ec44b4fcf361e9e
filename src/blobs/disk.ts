import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';
import type { BlobInfo, BlobStore, WriteLimits } from './blob-store.ts';
import { createMover, type Mover, makeFolder } from './durable.ts';
import { processMark } from './process-mark.ts';
import { sweepFolder } from './scratch.ts';
import { toStorageError } from './storage-error.ts';
import { createGarbageMeter } from './young-garbage.ts';

const CHUNK_BYTES = 256 * 1024;
const BLOB_ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;
const FOLDERS = 16 ** 3;
/** The folder in which blobs are written until they are whole; on the same disk, so that a rename moves them. */
const UNFINISHED = 'unfinished';

/** Stores blobs as files below `root`, in 4,096 folders; a rename makes each appear whole or not at all. */
export function createDiskBlobStore(root: string, { move }: Mover = createMover()): BlobStore {
  const mark = processMark();

  function pathOf(id: string): string {
    if (!BLOB_ID.test(id)) throw new KilnError('NOT_FOUND', 'There is no such file.');
    return join(root, folderOf(id), id);
  }

  /** Returns a path of this write alone: others may write the same blob at the same time. */
  function unfinishedPath(): string {
    return join(root, UNFINISHED, `${mark}-${randomBytes(6).toString('hex')}`);
  }

  return {
    folders: FOLDERS,

    async write(id, source, limits) {
      const path = pathOf(id);
      const unfinished = unfinishedPath();
      try {
        await makeFolder(dirname(unfinished));
        const info = await receive(source, unfinished, limits);
        await move(unfinished, path, unfinishedPath());
        return info;
      } catch (error) {
        await rm(unfinished, { force: true });
        throw translate(error);
      }
    },

    async adopt(id, path) {
      const target = pathOf(id);
      try {
        const info = await makeSure(path);
        await move(path, target, unfinishedPath());
        return info;
      } catch (error) {
        throw translate(error);
      }
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

    async attemptsAt(name) {
      const ids = await namesIn(dirname(pathOf(name)));
      return ids.filter((id) => id.startsWith(`${name}~`));
    },

    async listOld(folder, before) {
      const path = join(root, folder.toString(16).padStart(3, '0'));
      const old: string[] = [];
      for (const name of await namesIn(path)) {
        const stats = await stat(join(path, name)).catch(() => null);
        if (stats && stats.mtimeMs < before.getTime()) old.push(name);
      }
      return old;
    },

    sweepUnfinished: (olderThanMs) => sweepFolder(join(root, UNFINISHED), olderThanMs),
  };
}

/**
 * Returns the folder of a blob, by the tail of its id, which is random; the head of a time-ordered id hardly
 * varies. Attempts at the same result share a folder.
 */
function folderOf(id: string): string {
  const [name = id] = id.split(/~|\.part$/);
  return createHash('sha256').update(name).digest('hex').slice(0, 3);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
}

/** Writes `source` to `path`, digests it on the way, and syncs the disk before it returns. */
async function receive(source: Readable, path: string, { maxBytes, signal }: WriteLimits): Promise<BlobInfo> {
  const hash = createHash('sha256');
  const passed = createGarbageMeter();
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) return done(new KilnError('TOO_LARGE', `More than ${maxBytes} bytes arrived.`));
      hash.update(chunk);
      passed(chunk.length);
      done(null, chunk);
    },
  });
  const sink = createWriteStream(path, { highWaterMark: CHUNK_BYTES, flush: true });
  await pipeline(source, meter, sink, signal ? { signal } : {});
  return { size, sha256: hash.digest('hex') };
}

/** Syncs a finished file to the disk and digests it meanwhile. */
async function makeSure(path: string): Promise<BlobInfo> {
  const handle = await open(path, 'r');
  try {
    const [info] = await Promise.all([digest(handle), handle.datasync()]);
    return info;
  } finally {
    await handle.close();
  }
}

async function digest(handle: FileHandle): Promise<BlobInfo> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of handle.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

function rethrow(error: unknown): never {
  throw translate(error);
}

function translate(error: unknown): unknown {
  if (systemCode(error) === 'ENOENT')
    return new KilnError('NOT_FOUND', 'There is no such file.', { cause: error });
  return toStorageError(error);
}
