import { once } from 'node:events';
import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { inspectProcess } from '../../bootstrap/process-table.js';
import { systemCode } from '../system-code.ts';
import { sha256 } from './install/digest.ts';

const runFile = z.object({ pid: z.number(), url: z.string() });

/** The right to use a data folder, or the process that has it; `owner` is undefined while that one starts. */
type Ownership =
  | { owned: true; release: () => Promise<void> }
  | { owned: false; owner: { pid: number; url: string } | undefined };

/** Takes a data folder for this process until it is released or this process ends. */
export async function acquireOwnership(dataDir: string): Promise<Ownership> {
  const folder = await realpath(dataDir);
  const release = process.platform === 'linux' ? await holdSocket(folder) : await holdFile(folder);
  if (release) return { owned: true, release };
  return { owned: false, owner: await readOwner(folder) };
}

/**
 * Listens on an abstract socket, which the kernel frees with the process, so that nothing is left over.
 * Returns its release, or undefined if another process listens.
 */
async function holdSocket(folder: string): Promise<(() => Promise<void>) | undefined> {
  const server = createServer((socket) => socket.destroy()).unref();
  server.listen(`\0kiln-${sha256(folder)}`);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  return async () => {
    server.close();
    await once(server, 'close');
  };
}

/** Creates a file with our pid and start time. Returns its release, or undefined if its writer still runs. */
async function holdFile(folder: string): Promise<(() => Promise<void>) | undefined> {
  const path = join(folder, 'owner.lock');
  const ours = `${process.pid} ${inspectProcess(process.pid)?.started}`;
  if (!(await createFile(path, ours))) {
    const [pid, started] = (await readFile(path, 'utf8')).split(' ');
    if (inspectProcess(Number(pid))?.started === started) return undefined;
    await rm(path, { force: true });
    if (!(await createFile(path, ours))) return undefined;
  }
  return () => rm(path, { force: true });
}

async function createFile(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(folder: string): Promise<{ pid: number; url: string } | undefined> {
  try {
    return runFile.parse(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')));
  } catch {
    // The owner is still starting and has not written the file.
    return undefined;
  }
}
