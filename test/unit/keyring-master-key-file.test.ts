import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadOrCreateMasterKey } from '../../src/secrets/master-key-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-master-key-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the master key file', () => {
  it('is made once, for its owner only, and read ever after', async () => {
    const path = join(folder, 'data', 'master.key');
    const key = await loadOrCreateMasterKey(path);
    expect(key).toHaveLength(32);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe(`${Buffer.from(key).toString('base64')}\n`);
    expect(await loadOrCreateMasterKey(path)).toEqual(key);
    expect(await readdir(join(folder, 'data'))).toEqual(['master.key']);
  });

  it('is one key for all who start at once', async () => {
    const path = join(folder, 'master.key');
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateMasterKey(path)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    expect(await readdir(folder)).toEqual(['master.key']);
  });

  it.each(['', 'not a key', Buffer.alloc(31).toString('base64')])(
    'is not replaced when it holds %j',
    async (text) => {
      const path = join(folder, 'master.key');
      await writeFile(path, text);
      await expect(loadOrCreateMasterKey(path)).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );

  it('says nothing of where it is when it cannot be read or made', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    for (const path of [folder, join(file, 'master.key')]) {
      const error: Error = await loadOrCreateMasterKey(path).then(
        () => new Error('made'),
        (caught) => caught,
      );
      expect(error).toMatchObject({ code: 'INTERNAL' });
      expect(error.message).toMatch(/^The master key file cannot be (read|written)\.$/);
    }
  });
});
