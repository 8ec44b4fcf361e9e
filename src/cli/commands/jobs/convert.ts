import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { dirname, join } from 'node:path';
import { askAgain } from '../../service-client/ask-again.ts';
import { findService, type ServiceOptions } from '../../service-client/find-service.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { describeOutput, fileToSend, refuseReplacing, resultName, saveAs } from '../files/local-files.ts';
import {
  type Conversions,
  createConversions,
  type JobView,
  type OutputView,
  resultOf,
} from './conversions.ts';
import { watchToEnd } from './watch.ts';

/** Options of `kiln convert`. */
export interface ConvertOptions extends ServiceOptions {
  to: string;
  set: Record<string, unknown>;
  output?: string;
  force?: boolean;
  json?: boolean;
}

/** `kiln convert`: converts one file and writes the result beside it, or where asked. */
export async function convertFile(path: string, options: ConvertOptions): Promise<void> {
  const destination = options.output ?? join(dirname(path), resultName(path, options.to));
  await refuseReplacing([destination], {
    force: options.force,
    instead: 'Choose another name with --output',
  });
  const conversions = createConversions(await findService(options));
  try {
    const job = await runJob(conversions, path, options);
    const output = resultOf(job);
    await saveAs(destination, await conversions.download(output));
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
  const request = { upload: await fileToSend(path), target: to, options: set, idempotencyKey: randomUUID() };
  const { job, upload } = await askAgain(() => conversions.create(request));
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
  for (const warning of job.warnings) print(`Note: ${warning}\n`);
  print(`${savedAs} (${describeOutput(output)})\n`);
}
