import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDiskBlobStore } from '../../src/blobs/disk.ts';
import { createMover } from '../../src/blobs/durable.ts';
import { createScratch } from '../../src/blobs/scratch.ts';

let dir: string;
let root: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kiln-blobs-'));
  root = join(dir, 'blobs');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const limits = { maxBytes: 2 ** 20 };

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Notes what is made safe, and when something gets its name. */
async function noteSyncs(): Promise<{ notes: string[]; renameFile: typeof rename }> {
  const notes: string[] = [];
  const handle = await open(dir, 'r');
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of ['sync', 'datasync'] as const) {
    const original = prototype[name];
    vi.spyOn(prototype, name).mockImplementation(function (this: FileHandle) {
      notes.push(`sync ${readlinkSync(`/proc/self/fd/${this.fd}`)}`);
      return original.call(this);
    });
  }
  const renameFile = async (from: Parameters<typeof rename>[0], to: Parameters<typeof rename>[1]) => {
    notes.push(`rename ${String(from)}`);
    await rename(from, to);
  };
  return { notes, renameFile };
}

describe('a blob', () => {
  it('that is taken over is safe on the disk before it gets its name, and its name is afterwards', async () => {
    const { notes, renameFile } = await noteSyncs();
    const blobs = createDiskBlobStore(root, createMover(renameFile));
    const made = join(dir, 'made');
    for (const id of ['first', 'first']) {
      await writeFile(made, 'bytes');
      await blobs.adopt(id, made);
    }
    const folder = dirname(await blobs.localPath('first', dir));
    // The folders are new the first time: each is an entry of its parent.
    expect(notes).toEqual([
      `sync ${made}`,
      `sync ${root}`,
      `sync ${dir}`,
      `rename ${made}`,
      `sync ${folder}`,
      `sync ${made}`,
      `rename ${made}`,
      `sync ${folder}`,
    ]);
  });

  it('that is written gets its name on the disk as well', async () => {
    const { notes, renameFile } = await noteSyncs();
    const blobs = createDiskBlobStore(root, createMover(renameFile));
    await blobs.write('first', Readable.from([Buffer.from('bytes')]), limits);
    expect(notes.at(-2)).toMatch(/^rename /);
    expect(notes.at(-1)).toBe(`sync ${dirname(await blobs.localPath('first', dir))}`);
  });

  it('that two write at the same time is one of the two, whole', async () => {
    const blobs = createDiskBlobStore(root);
    const [gate, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = Readable.from(
      (async function* () {
        yield Buffer.alloc(1000, 'a');
        open.resolve();
        await gate.promise;
        yield Buffer.alloc(1000, 'b');
      })(),
    );
    const first = blobs.write('same', slow, limits);
    await open.promise;
    const second = await blobs.write('same', Readable.from([Buffer.alloc(500, 'c')]), limits);
    const between = await buffer(await blobs.read('same'));
    gate.resolve();
    const info = await first;
    const bytes = await buffer(await blobs.read('same'));
    expect([between.length, sha256(between)]).toEqual([second.size, second.sha256]);
    expect([bytes.length, sha256(bytes)]).toEqual([info.size, info.sha256]);
    expect(await filesBelow(root)).toEqual(['same']);
  });

  it('is copied when it was made on another disk', async () => {
    const apart = async (from: Parameters<typeof rename>[0], to: Parameters<typeof rename>[1]) => {
      if (!String(from).startsWith(root)) throw Object.assign(new Error('other disk'), { code: 'EXDEV' });
      await rename(from, to);
    };
    const blobs = createDiskBlobStore(root, createMover(apart));
    const made = join(dir, 'made');
    await writeFile(made, 'bytes');
    const info = await blobs.adopt('moved', made);
    expect(await buffer(await blobs.read('moved'))).toEqual(Buffer.from('bytes'));
    expect(info).toEqual({ size: 5, sha256: sha256(Buffer.from('bytes')) });
    expect(await filesBelow(dir)).toEqual(['moved']);
  });

  it('for which there is no room says so, and leaves nothing', async () => {
    const full = async () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const blobs = createDiskBlobStore(root, createMover(full));
    const made = join(dir, 'made');
    await writeFile(made, 'bytes');
    const refusal = { code: 'INSUFFICIENT_STORAGE' };
    await expect(blobs.adopt('moved', made)).rejects.toMatchObject(refusal);
    await expect(blobs.write('written', Readable.from(['x']), limits)).rejects.toMatchObject(refusal);
    expect(await filesBelow(root)).toEqual([]);
  });
});

/** A mark as a process makes it that is then killed. */
async function markOfKilledProcess(): Promise<string> {
  const module = join(import.meta.dirname, '../../src/blobs/process-mark.ts');
  const program = `import { processMark } from ${JSON.stringify(module)}; console.log(processMark()); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return String(line).trim();
}

describe('what a process leaves', () => {
  it('goes at once when it was killed, and what others are at work on stays', async () => {
    const blobs = createDiskBlobStore(root);
    const scratch = createScratch(join(dir, 'scratch'));
    const dead = await markOfKilledProcess();
    await mkdir(join(dir, 'scratch', `attempt-${dead}-abcdef`), { recursive: true });
    await mkdir(join(root, 'unfinished'), { recursive: true });
    await writeFile(join(root, 'unfinished', `${dead}-abcdef`), 'half');
    const gate = Promise.withResolvers<void>();
    const endless = Readable.from(
      (async function* () {
        yield Buffer.from('so far');
        await gate.promise;
      })(),
    );
    const writing = blobs.write('living', endless, limits);
    await scratch.use(async (mine) => {
      await vi.waitFor(async () => expect(await readdir(join(root, 'unfinished'))).toHaveLength(2));
      expect(await scratch.sweep(3_600_000)).toBe(1);
      expect(await blobs.sweepUnfinished(3_600_000)).toBe(1);
      expect(await readdir(join(dir, 'scratch'))).toEqual([basename(mine)]);
    });
    gate.resolve();
    expect(await writing).toMatchObject({ size: 6 });
    expect(await filesBelow(dir)).toEqual(['living']);
  });

  it('without saying who it was goes once it is old', async () => {
    const scratch = createScratch(join(dir, 'scratch'));
    await mkdir(join(dir, 'scratch', 'attempt-abcdef'), { recursive: true });
    expect(await scratch.sweep(3_600_000)).toBe(0);
    expect(await scratch.sweep(-1000)).toBe(1);
  });

  it('of a full disk is a sentence about it, whatever an attempt was doing', async () => {
    const scratch = createScratch(join(dir, 'scratch'));
    const full = scratch.use(async () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    await expect(full).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    expect(await readdir(join(dir, 'scratch'))).toEqual([]);
  });
});
