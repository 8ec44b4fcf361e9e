import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RungUnavailable } from '../ladder.ts';
import { cachedFolder, installFolder } from './cache.ts';
import { type PinnedBinary, PLATFORM } from './versions.ts';

/** Fetches the program's own bytes, out of whatever they come in; `workDir` is removed afterwards. */
export type FetchBinary = (workDir: string) => AsyncIterable<Uint8Array>;

/** The path of a program that was installed before, or undefined. */
export async function cachedBinary(cacheDir: string, binary: PinnedBinary): Promise<string | undefined> {
  const folder = await cachedFolder(cacheDir, folderOf(binary));
  return folder && join(folder, binary.file);
}

/**
 * Puts a program into the cache and gives its path. Nothing is kept unless its SHA-256 is the pinned one.
 * @throws RungUnavailable when this platform has no pinned sum or the bytes are not what was pinned.
 */
export async function installBinary(
  cacheDir: string,
  binary: PinnedBinary,
  fetchBinary: FetchBinary,
): Promise<string> {
  const expected = sumFor(binary);
  const folder = await installFolder(cacheDir, folderOf(binary), async (staging) => {
    const workDir = join(staging, 'work');
    await mkdir(workDir);
    const sum = await writeWithSum(fetchBinary(workDir), join(staging, binary.file));
    await rm(workDir, { recursive: true });
    if (sum !== expected)
      throw new RungUnavailable('the file does not have the pinned SHA-256 and was thrown away');
  });
  return join(folder, binary.file);
}

/** @throws RungUnavailable where we have never seen this program for this platform. */
function sumFor(binary: PinnedBinary): string {
  const sum = binary.sha256[PLATFORM];
  if (!sum) throw new RungUnavailable(`no checksum of ${binary.file} is known for ${PLATFORM}`);
  return sum;
}

function folderOf(binary: PinnedBinary): string {
  return `${binary.id}-${binary.version}-${PLATFORM}`;
}

async function writeWithSum(source: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const hashed = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(source, hashed, createWriteStream(path, { mode: 0o755 }));
  return hash.digest('hex');
}
