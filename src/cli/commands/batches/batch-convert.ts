import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { archiveFilename } from '../../../domain/batches/batch.ts';
import { mapConcurrently } from '../../../map-concurrently.ts';
import { askAgain } from '../../service-client/ask-again.ts';
import { findService, type ServiceOptions } from '../../service-client/find-service.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { fileToSend, makeFolder, refuseReplacing, resultName } from '../files/local-files.ts';
import { type Conversions, createConversions, type FileToSend, MAX_TRANSFERS } from '../jobs/conversions.ts';
import { createBatches, type NewBatchView } from './batch-client.ts';
import { collectResults, reportResults, saveArchive, saveResults } from './batch-results.ts';
import { watchBatchToEnd } from './batch-watch.ts';

/** Options of `kiln batches convert`. */
export interface BatchConvertOptions extends ServiceOptions {
  to: string;
  set: Record<string, unknown>;
  label?: string | null;
  archive?: boolean;
  output?: string;
  force?: boolean;
  json?: boolean;
}

/** `kiln batches convert`: converts files as one batch and writes the results beside them, or where asked. */
export async function convertBatch(paths: readonly string[], options: BatchConvertOptions): Promise<void> {
  const { archive, force, output, json } = options;
  const places = archive ? [archivePlace(options)] : placesOf(paths, options);
  await refuseReplacing(places, { force, instead: 'Choose a folder with --output' });
  const files = await mapConcurrently(paths, fileToSend, { concurrency: MAX_TRANSFERS });
  const service = await findService(options);
  if (output !== undefined) await makeFolder(output);
  const batches = createBatches(service);
  const conversions = createConversions(service);
  try {
    const request = requestOf(files, options);
    const created = await askAgain(() => batches.create(request));
    const { batchId } = created.batch;
    const [unsent, batch] = await Promise.all([
      sendAll(conversions, paths, created),
      watchBatchToEnd(batches, batchId, { quiet: json === true }),
    ]);
    const found = await collectResults(batches, { paths, created, unsent });
    const saved = archive
      ? await saveArchive(conversions, { batch, results: found, place: places[0] ?? '' })
      : await saveResults(conversions, { results: found, places });
    reportResults(batch, saved, { json: json === true });
  } finally {
    await Promise.all([batches.close(), conversions.close()]);
  }
}

function requestOf(files: readonly FileToSend[], { label, archive, to, set }: BatchConvertOptions) {
  return {
    label: label ?? undefined,
    archive: archive === true,
    idempotencyKey: randomUUID(),
    jobs: files.map((upload) => ({ upload, target: to, options: set })),
  };
}

function archivePlace({ label, output }: BatchConvertOptions): string {
  return join(output ?? '.', archiveFilename(label ?? null));
}

/** Returns the path of each result; no two are the same, not even on a disk that ignores case. */
function placesOf(paths: readonly string[], { to, output }: BatchConvertOptions): string[] {
  const taken = new Map<string, string>();
  return paths.map((path) => {
    const place = join(output ?? dirname(path), resultName(path, to));
    const key = resolve(place).normalize('NFC').toLowerCase();
    const other = taken.get(key);
    if (other !== undefined)
      throw new CommandError(`${other} and ${path} would both become ${place}.`, {
        hint: 'Convert them apart, or fetch one ZIP with --archive.',
        isUsage: true,
      });
    taken.set(key, path);
    return place;
  });
}

/** Sends every file. Returns for each why it could not be sent, or null if it was. */
function sendAll(
  conversions: Conversions,
  paths: readonly string[],
  { jobs }: NewBatchView,
): Promise<(string | null)[]> {
  const sendOne = async ({ job, upload }: NewBatchView['jobs'][number], i: number) => {
    try {
      if (!upload) throw new CommandError('Kiln did not say where to send the file.');
      await conversions.send(upload, await openAsBlob(paths[i] ?? ''));
      await conversions.finish(upload);
      return null;
    } catch (error) {
      await giveUp(conversions, job.jobId);
      return `It could not be sent: ${error instanceof Error ? error.message : error}`;
    }
  };
  return mapConcurrently(jobs, sendOne, { concurrency: MAX_TRANSFERS });
}

/** Cancels a job whose file could not be sent, so that the batch does not wait for it; ignores an ended one. */
async function giveUp(conversions: Conversions, jobId: string): Promise<void> {
  await conversions.cancel(jobId).catch((error: unknown) => {
    if (!(error instanceof CommandError && error.code === 'WRONG_STATE')) throw error;
  });
}
