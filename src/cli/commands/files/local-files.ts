import { createWriteStream } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { findFormat, formatOfFilename, outputFilename } from '../../../domain/formats/find-format.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { formatBytes } from '../../terminal/terminal.ts';
import type { FileToSend, OutputView } from '../jobs/conversions.ts';

/** Returns name, size and media type of a local file. @throws CommandError when it cannot be read. */
export async function fileToSend(path: string): Promise<FileToSend> {
  const mime = formatOfFilename(basename(path))?.mime ?? 'application/octet-stream';
  return { filename: basename(path), mime, size: await sizeOf(path) };
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CommandError(`${path} cannot be read.`, { cause, isUsage: true });
  });
  if (found.isFile()) return found.size;
  throw new CommandError(`${path} is not a file.`, { isUsage: true });
}

/** Returns the file name of a result on this machine: the input's with another extension. */
export function resultName(path: string, target: string): string {
  return outputFilename(basename(path), findFormat(target)?.id ?? target);
}

/** Checks, before anything is sent, that no result would replace a file. @throws CommandError */
export async function refuseReplacing(
  paths: readonly string[],
  { force, instead }: { force: boolean | undefined; instead: string },
): Promise<void> {
  if (force) return;
  for (const path of paths) {
    if (!(await exists(path))) continue;
    throw new CommandError(`${path} is already there.`, {
      hint: `${instead}, or replace it with --force.`,
      isUsage: true,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Makes a folder for results if there is none. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new CommandError(`The folder ${path} cannot be made.`, { cause, isUsage: true });
  });
}

/** Writes a download to a file. */
export async function saveAs(path: string, { body }: Response): Promise<void> {
  const bytes = Readable.fromWeb((body ?? new Blob().stream()) as ReadableStream);
  await pipeline(bytes, createWriteStream(path));
}

/** Returns size in pixels and bytes, such as `800 × 600, 61.4 kB`. */
export function describeOutput({ width, height, size }: OutputView): string {
  const pixels = width && height ? `${width} × ${height}, ` : '';
  return `${pixels}${formatBytes(size)}`;
}
