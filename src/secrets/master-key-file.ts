import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConversionError } from '../domain/errors.ts';
import { MASTER_KEY_BYTES } from './keyring.ts';

/**
 * Reads the master key of an embedded installation, or makes it on first use (mode 600).
 * A damaged file is never replaced: everything sealed under the old key would be lost.
 */
export async function loadOrCreateMasterKey(path: string): Promise<Uint8Array> {
  const key = (await readKey(path)) ?? (await createKey(path));
  if (key?.length !== MASTER_KEY_BYTES) {
    throw new ConversionError('INTERNAL', 'The master key file does not hold a key.', {
      hint: 'Restore it from a backup: what was sealed under it cannot be opened without it.',
    });
  }
  return key;
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await readFile(path, 'utf8'), 'base64');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw new ConversionError('INTERNAL', 'The master key file cannot be read.', { cause: error });
  }
}

async function createKey(path: string): Promise<Buffer | undefined> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeDurably(draft, `${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`);
    // A link, unlike a rename, never replaces: of two processes that start at once, one key wins.
    await link(draft, path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) {
      throw new ConversionError('INTERNAL', 'The master key file cannot be written.', { cause: error });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return readKey(path);
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
