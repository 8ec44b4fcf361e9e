import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyIdOf } from '../../src/secrets/keyring.ts';
import {
  addMasterKey,
  loadOrCreateMasterKeys,
  masterKeyIds,
  removeMasterKeys,
} from '../../src/secrets/master-key-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-master-key-'));
  path = join(folder, 'master.key');
});
afterEach(() => rm(folder, { recursive: true }));

const hex = (keys: readonly Uint8Array[]) => keys.map((key) => Buffer.from(key).toString('hex')).join();

describe('the master key file', () => {
  it('is made once, for its owner only, and read ever after', async () => {
    const deep = join(folder, 'data', 'master.key');
    const keys = await loadOrCreateMasterKeys(deep);
    expect(keys.map(({ length }) => length)).toEqual([32]);
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect(await readFile(deep, 'utf8')).toBe(`${Buffer.from(keys[0] ?? []).toString('base64')}\n`);
    expect(await loadOrCreateMasterKeys(deep)).toEqual(keys);
    expect(await readdir(join(folder, 'data'))).toEqual(['master.key']);
  });

  it('is one key for all who start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateMasterKeys(path)));
    expect(new Set(keys.map(hex)).size).toBe(1);
    expect(await readdir(folder)).toEqual(['master.key']);
  });

  it.each([
    '',
    'not a key',
    Buffer.alloc(31).toString('base64'),
    `${Buffer.alloc(32).toString('base64')}\nshort`,
  ])('is not replaced when it holds %j', async (text) => {
    await writeFile(path, text);
    for (const attempt of [loadOrCreateMasterKeys, addMasterKey, masterKeyIds])
      await expect(attempt(path)).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(removeMasterKeys(path, [''])).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('says nothing of where it is when it cannot be read or made', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    for (const wrong of [folder, join(file, 'master.key')]) {
      const error: Error = await loadOrCreateMasterKeys(wrong).then(
        () => new Error('made'),
        (caught) => caught,
      );
      expect(error).toMatchObject({ code: 'INTERNAL' });
      expect(error.message).toMatch(/^The master key file cannot be (read|written)\.$/);
    }
  });
});

describe('several master keys', () => {
  it('stand newest first, one a line, still for their owner only', async () => {
    const [old] = await loadOrCreateMasterKeys(path);
    const ids = await addMasterKey(path);
    const keys = await loadOrCreateMasterKeys(path);
    expect(keys).toHaveLength(2);
    expect(keys[1]).toEqual(old);
    expect(keys.map(keyIdOf)).toEqual(ids);
    expect(await masterKeyIds(path)).toEqual(ids);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(2);
    expect(await readdir(folder)).toEqual(['master.key']);
  });

  it('go by their ids, but never the one in front', async () => {
    await loadOrCreateMasterKeys(path);
    await addMasterKey(path);
    const [front = '', middle = '', first = ''] = await addMasterKey(path);
    expect(await removeMasterKeys(path, [front, middle, 'unknown'])).toEqual([middle]);
    expect(await masterKeyIds(path)).toEqual([front, first]);
    expect(await removeMasterKeys(path, [front])).toEqual([]);
    expect(await removeMasterKeys(path, [first])).toEqual([first]);
    expect(await masterKeyIds(path)).toEqual([front]);
  });

  it('are not made where there is none yet: the first start does that', async () => {
    await expect(addMasterKey(path)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(await readdir(folder)).toEqual([]);
  });
});
