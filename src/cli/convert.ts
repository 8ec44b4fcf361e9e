import { createWriteStream, openAsBlob } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { findFormat, formatOfFilename, outputFilename } from '../domain/format.ts';
import { CommandError } from './command-error.ts';
import {
  type Conversions,
  createConversions,
  type JobView,
  type OutputView,
  resultOf,
} from './conversions.ts';
import { findService, type ServiceOptions } from './find-service.ts';
import { printJson } from './print-json.ts';
import { formatBytes } from './terminal.ts';
import { watchToEnd } from './watch.ts';

/** What `kiln convert` was told. */
export interface ConvertOptions extends ServiceOptions {
  to: string;
  set: Record<string, unknown>;
  output?: string;
  force?: boolean;
  json?: boolean;
}

/** `kiln convert`: one file through a running service, and the result beside it. */
export async function convertFile(path: string, options: ConvertOptions): Promise<void> {
  const destination = options.output ?? join(dirname(path), resultName(path, options.to));
  await refuseReplacing(destination, options);
  const conversions = createConversions(await findService(options));
  try {
    const job = await runJob(conversions, path, options);
    const output = resultOf(job);
    const { body } = await conversions.download(output);
    await pipeline(
      Readable.fromWeb((body ?? new Blob().stream()) as ReadableStream),
      createWriteStream(destination),
    );
    report(job, output, destination, options);
  } finally {
    await conversions.close();
  }
}

async function runJob(
  conversions: Conversions,
  path: string,
  { to, set, json }: ConvertOptions,
): Promise<JobView> {
  const { job, upload } = await conversions.create({
    upload: { filename: basename(path), mime: mimeOf(path), size: await sizeOf(path) },
    target: to,
    options: set,
  });
  if (!upload) throw new CommandError('Kiln did not say where to send the file.');
  const bring = async () => {
    await conversions.send(upload, await openAsBlob(path));
    await conversions.complete(job.jobId);
  };
  const [ended] = await Promise.all([watchToEnd(conversions, job.jobId, { quiet: json === true }), bring()]);
  return ended;
}

function report(job: JobView, output: OutputView, savedAs: string, { json }: ConvertOptions): void {
  if (json) {
    printJson({ ...job, savedAs });
    return;
  }
  for (const warning of job.warnings) process.stdout.write(`Note: ${warning}\n`);
  process.stdout.write(`${savedAs} (${describe(output)})\n`);
}

/** Reads `name=value` of --set; numbers and true or false become what they look like. */
export function collectOption(pair: string, known: Record<string, unknown>): Record<string, unknown> {
  const at = pair.indexOf('=');
  if (at < 1) throw new CommandError(`"${pair}" is not an option of the form name=value.`);
  return { ...known, [pair.slice(0, at)]: toValue(pair.slice(at + 1)) };
}

function toValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** The service looks at the bytes anyway; this only announces. */
function mimeOf(path: string): string {
  return formatOfFilename(basename(path))?.mime ?? 'application/octet-stream';
}

async function sizeOf(path: string): Promise<number> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new CommandError(`${path} cannot be read.`, { cause });
  });
  return size;
}

function resultName(path: string, target: string): string {
  return outputFilename(basename(path), findFormat(target)?.id ?? target);
}

async function refuseReplacing(path: string, { force }: ConvertOptions): Promise<void> {
  if (force || !(await exists(path))) return;
  throw new CommandError(`${path} is already there.`, {
    hint: 'Choose another name with --output, or replace it with --force.',
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function describe({ width, height, size }: OutputView): string {
  const pixels = width && height ? `${width} × ${height}, ` : '';
  return `${pixels}${formatBytes(size)}`;
}
