import { findService, type ServiceOptions } from '../../service-client/find-service.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { formatBytes, printTable, renderTable } from '../../terminal/terminal.ts';
import type { JobView } from '../jobs/conversions.ts';
import {
  type Batches,
  type BatchView,
  createBatches,
  JOBS_A_PAGE,
  type NewBatchView,
} from './batch-client.ts';
import { countFiles, describeCounts, watchBatchToEnd } from './batch-watch.ts';

/** Options of every command on batches. */
export type BatchOptions = ServiceOptions & { json?: boolean };

const COLUMNS = ['batch', 'created', 'label', 'status', 'files'].map((title) => ({ title }));
const JOB_COLUMNS = ['job', 'file', 'to', 'status', 'error'].map((title) => ({ title }));

/** `kiln batches list`: prints the latest ones, newest first. */
export async function listBatches({ limit, ...options }: BatchOptions & { limit: number }): Promise<void> {
  const found = await withBatches(options, (batches) => batches.list(limit));
  if (options.json) printJson(found);
  else printTable(COLUMNS, found.map(cellsOf), 'There are no batches yet.');
}

/** `kiln batches show`: prints one with its first 100 jobs. */
export async function showBatch(id: string, options: BatchOptions): Promise<void> {
  const { batch, jobs } = await withBatches(options, async (batches) => ({
    batch: await batches.get(id),
    jobs: await batches.jobs(id),
  }));
  if (options.json) {
    printJson({ ...batch, jobs });
    return;
  }
  const more = batch.counts.total - JOBS_A_PAGE;
  const parts = [
    renderTable(COLUMNS, [cellsOf(batch)]),
    [renderTable(JOB_COLUMNS, jobs.map(jobCellsOf)), ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
    ...describeArchive(batch),
  ];
  print(`${parts.join('\n\n')}\n`);
}

/** `kiln batches watch`: shows a batch until it ends. @throws CommandError if any file failed. */
export async function watchBatch(id: string, options: BatchOptions): Promise<void> {
  await withBatches(options, async (batches) => {
    if (options.json) return printEvents(batches, id);
    const { status, counts } = await watchBatchToEnd(batches, id, { quiet: false });
    if (status !== 'READY')
      throw new CommandError(`The batch is ${status.toLowerCase()}: ${describeCounts(counts)}.`, {
        hint: `See \`kiln batches show ${id}\`.`,
      });
    print(`The batch is ready: ${describeCounts(counts)}.\n`);
  });
}

/** `kiln batches cancel`: cancels its jobs, which end one by one. */
export async function cancelBatch(id: string, options: BatchOptions): Promise<void> {
  const batch = await withBatches(options, (batches) => batches.cancel(id));
  if (options.json) printJson(batch);
  else
    print(
      batch.counts.pending > 0
        ? `The batch is being cancelled; ${batch.counts.pending} of ${countFiles(batch.counts.total)} had not ended.\n`
        : `The batch is cancelled: ${describeCounts(batch.counts)}.\n`,
    );
}

/** `kiln batches retry`: creates a batch of the files that did not become ready. */
export async function retryBatch(id: string, options: BatchOptions): Promise<void> {
  const created = await withBatches(options, (batches) => batches.retry(id));
  if (options.json) printJson(created);
  else print(`${describeRetry(created)}\n`);
}

async function withBatches<T>(options: BatchOptions, work: (batches: Batches) => Promise<T>): Promise<T> {
  const batches = createBatches(await findService(options));
  try {
    return await work(batches);
  } finally {
    await batches.close();
  }
}

/** Prints each event as a line of JSON, as it comes. */
async function printEvents(batches: Batches, id: string): Promise<void> {
  for await (const event of batches.watch(id)) print(`${JSON.stringify(event)}\n`);
}

function describeRetry({ batch, jobs }: NewBatchView): string {
  const { batchId, counts } = batch;
  const head = `${countFiles(counts.total)} ${counts.total === 1 ? 'is' : 'are'} done again as batch ${batchId}.`;
  const awaited = jobs.flatMap(({ upload }) => (upload ? [upload] : []));
  if (awaited.length === 0) return `${head} Nothing has to be sent again.`;
  const places = awaited.map(
    ({ filename, method, url, completeUrl }) => `${filename}\n  ${method} ${url}\n  POST ${completeUrl}`,
  );
  return `${head}\n\nThese are not there any more. Send the bytes of each, then say that they are complete:\n\n${places.join('\n')}`;
}

/** Returns a line about the ZIP; none if none was asked for. */
function describeArchive({ archive }: BatchView): string[] {
  if (!archive) return [];
  const { filename, size, downloadUrl, error } = archive;
  if (error) return [`${filename}: ${error.message} (${error.code})`];
  if (downloadUrl && size !== null) return [`${filename} (${formatBytes(size)}): ${downloadUrl}`];
  return [`${filename}: ${size === null ? 'packed when the batch is over' : 'has expired'}`];
}

function cellsOf({ batchId, createdAt, label, status, counts, cancelling }: BatchView): string[] {
  const state = cancelling && status === 'PROCESSING' ? 'cancelling' : status.toLowerCase();
  return [batchId, createdAt, label ?? '', state, describeCounts(counts)];
}

function jobCellsOf({ jobId, inputs, conversions, status, error }: JobView): string[] {
  const state = status.toLowerCase().replaceAll('_', ' ');
  return [jobId, inputs[0]?.filename ?? '', conversions[0]?.target ?? '', state, error?.code ?? ''];
}
