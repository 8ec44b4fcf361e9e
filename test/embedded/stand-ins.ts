import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { onTestFinished } from 'vitest';
import { inspectProcess } from '../../bootstrap/process-table.js';

/** Makes a folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-embedded-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return folder;
}

/** Returns a shell script that runs one of the programs beside this file. */
export function launcherOf(program: string): string {
  return `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`;
}

export async function writeExecutable(path: string, content: string): Promise<void> {
  await writeFile(path, content);
  await chmod(path, 0o755);
}

/** Puts `folder` first on PATH, and of the rest leaves only what a shell needs, for one test. */
export function onlyOnPath(...folders: string[]): void {
  const before = process.env.PATH;
  process.env.PATH = [...folders, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  onTestFinished(() => {
    process.env.PATH = before;
  });
}

/** Puts programs that fail before those of the machine. */
export async function withoutPrograms(...names: string[]): Promise<void> {
  const folder = await temporaryFolder();
  for (const name of names) await writeExecutable(join(folder, name), '#!/bin/sh\nexit 127\n');
  onlyOnPath(folder);
}

export async function tarball(files: Record<string, string>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o755 }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

export const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Starts a download site that answers with what `answer` returns for the path, or 404 if that is undefined. */
export async function downloadSite(answer: (path: string) => string | Uint8Array | undefined) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const body = answer(request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200, { 'content-length': Buffer.byteLength(body ?? '') });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Returns the URL of a port that nothing listens on. */
export async function deadSite(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}

export async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).sort();
}

/** Polls until `check` is true. */
export async function until(check: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export const isAlive = (pid: number) => inspectProcess(pid) !== undefined;
