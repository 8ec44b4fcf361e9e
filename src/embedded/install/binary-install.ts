import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { cachedFolder, installFolder } from './cache.ts';
import { type PinnedBinary, PLATFORM } from './versions.ts';

/** Fetches the bytes of the program itself, unpacked; `workDir` is for its files and is removed afterwards. */
type FetchBinary = (workDir: string) => AsyncIterable<Uint8Array>;

/** Returns the path of a program that was installed before, else undefined. */
export async function cachedBinary(cacheDir: string, binary: PinnedBinary): Promise<string | undefined> {
  const folder = await cachedFolder(cacheDir, folderOf(binary));
  return folder && join(folder, binary.file);
}

/**
 * Installs a program into the cache and returns its path. Keeps nothing unless its SHA-256 is the pinned one.
 * @throws ProviderUnavailable if this platform has no pinned sum or the sums differ.
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
      throw new ProviderUnavailable('the file does not have the pinned SHA-256 and was thrown away');
  });
  return join(folder, binary.file);
}

/** Returns the pinned SHA-256 for this platform. @throws ProviderUnavailable if there is none. */
function sumFor(binary: PinnedBinary): string {
  const sum = binary.sha256[PLATFORM];
  if (!sum) throw new ProviderUnavailable(`no checksum of ${binary.file} is known for ${PLATFORM}`);
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
