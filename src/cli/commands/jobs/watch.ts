import { findService, type ServiceOptions } from '../../service-client/find-service.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { createStatusLine, renderBar } from '../../terminal/terminal.ts';
import { type Conversions, createConversions, type JobView } from './conversions.ts';

/** `kiln watch`: shows a job until it ends. @throws CommandError if it failed. */
export async function watchJob(
  jobId: string,
  { json, ...options }: ServiceOptions & { json?: boolean },
): Promise<void> {
  const conversions = createConversions(await findService(options));
  try {
    if (json) return await printEvents(conversions, jobId);
    const { status, error } = await watchToEnd(conversions, jobId, { quiet: false });
    if (status !== 'READY') throw new CommandError(error?.message ?? `The job is ${status.toLowerCase()}.`);
    print('The job is ready.\n');
  } finally {
    await conversions.close();
  }
}

/** Prints each event as a line of JSON, as it comes. */
async function printEvents(conversions: Conversions, jobId: string): Promise<void> {
  for await (const event of conversions.watch(jobId)) print(`${JSON.stringify(event)}\n`);
}

/** Shows a bar while the job runs, and returns the job as it ended. */
export async function watchToEnd(
  conversions: Conversions,
  jobId: string,
  { quiet }: { quiet: boolean },
): Promise<JobView> {
  const line = createStatusLine(process.stderr);
  let last: JobView | undefined;
  for await (const { status, progress, job } of conversions.watch(jobId)) {
    last = job;
    const stage = progress?.stage ?? status.toLowerCase();
    if (!quiet) line.show(`${renderBar(progress?.percent ?? 0)}  ${stage}`);
  }
  line.clear();
  if (!last) throw new CommandError('The connection ended before the job did.');
  return last;
}
