import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';
import { keyIdOf, MASTER_KEY_BYTES } from './keyring.ts';

/** The data folder's file of master keys, one a line, newest first. */
export const MASTER_KEY_FILE = 'master.key';

/**
 * Reads the master keys of an embedded installation; makes the first one (mode 600) if there is no file. Never
 * replaces a damaged file: everything sealed under its keys would be lost.
 */
export async function loadOrCreateMasterKeys(path: string): Promise<Uint8Array[]> {
  return (await readKeys(path)) ?? (await createFile(path));
}

/**
 * Puts a new key in front; running processes keep the old ones until they are started again.
 * @returns the ids of all keys, the new one first.
 */
export async function addMasterKey(path: string): Promise<string[]> {
  const keys = [randomBytes(MASTER_KEY_BYTES), ...(await requireKeys(path))];
  await replaceFile(path, keys);
  return keys.map(keyIdOf);
}

/**
 * Removes old keys, never the one in front.
 * @returns the ids of those that were removed.
 */
export async function removeMasterKeys(path: string, ids: readonly string[]): Promise<string[]> {
  const keys = await requireKeys(path);
  const gone = keys.slice(1).filter((key) => ids.includes(keyIdOf(key)));
  if (gone.length > 0)
    await replaceFile(
      path,
      keys.filter((key) => !gone.includes(key)),
    );
  return gone.map(keyIdOf);
}

/** Returns the ids of the file's keys, newest first. */
export async function masterKeyIds(path: string): Promise<string[]> {
  return (await requireKeys(path)).map(keyIdOf);
}

async function requireKeys(path: string): Promise<Uint8Array[]> {
  const keys = await readKeys(path);
  if (keys) return keys;
  throw new KilnError('WRONG_STATE', 'There is no master key yet: the first start makes it.');
}

async function readKeys(path: string): Promise<Uint8Array[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new KilnError('INTERNAL', 'The master key file cannot be read.', { cause: error });
  }
  const keys = text
    .trim()
    .split(/\s+/)
    .map((line) => Buffer.from(line, 'base64'));
  if (keys.every((key) => key.length === MASTER_KEY_BYTES)) return keys;
  throw new KilnError('INTERNAL', 'The master key file does not hold a key.', {
    hint: 'Restore it from a backup: what was sealed under it cannot be opened without it.',
  });
}

async function createFile(path: string): Promise<Uint8Array[]> {
  await mkdir(dirname(path), { recursive: true }).catch(cannotWrite);
  // A link, unlike a rename, never replaces: of two processes that start at once, one makes the key.
  await writeFile(path, [randomBytes(MASTER_KEY_BYTES)], async (draft) => {
    await link(draft, path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  });
  return requireKeys(path);
}

async function replaceFile(path: string, keys: readonly Uint8Array[]): Promise<void> {
  await writeFile(path, keys, (draft) => rename(draft, path));
}

/** Writes a draft beside the file and has `place` move it there, so that nobody reads half of it. */
async function writeFile(
  path: string,
  keys: readonly Uint8Array[],
  place: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(draft, keys.map((key) => `${Buffer.from(key).toString('base64')}\n`).join(''));
    await place(draft);
  } catch (error) {
    cannotWrite(error);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

function cannotWrite(cause: unknown): never {
  throw new KilnError('INTERNAL', 'The master key file cannot be written.', { cause });
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
