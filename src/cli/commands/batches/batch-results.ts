import { mapConcurrently } from '../../../map-concurrently.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print, printError } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { formatBytes } from '../../terminal/terminal.ts';
import { describeOutput, saveAs } from '../files/local-files.ts';
import { type Conversions, type JobView, MAX_TRANSFERS, type OutputView } from '../jobs/conversions.ts';
import { type Batches, type BatchView, JOBS_A_PAGE, type NewBatchView } from './batch-client.ts';
import { countFiles, describeCounts } from './batch-watch.ts';

/** Why a file has no result. */
interface ErrorView {
  code: string;
  message: string;
}

/** The result of one file. */
interface FileResult {
  file: string;
  job: JobView;
  savedAs: string | null;
  error: ErrorView | null;
}

/** What was written of a batch on this machine. */
interface SavedBatch {
  results: FileResult[];
  /** The path of the ZIP; null if none was asked for or it could not be fetched. */
  archive: string | null;
  archiveError: ErrorView | null;
}

/** Returns how the conversion of every file ended. */
export async function collectResults(
  batches: Batches,
  {
    paths,
    created,
    unsent,
  }: { paths: readonly string[]; created: NewBatchView; unsent: readonly (string | null)[] },
): Promise<FileResult[]> {
  const { batch, jobs } = created;
  const ended = new Map<string, JobView>();
  for (let from = 0; from < jobs.length; from += JOBS_A_PAGE)
    for (const job of await batches.jobs(batch.batchId, from)) ended.set(job.jobId, job);
  return jobs.map(({ job: asked }, i) => {
    const job = ended.get(asked.jobId) ?? asked;
    return { file: paths[i] ?? '', job, savedAs: null, error: errorOf(job, unsent[i] ?? null) };
  });
}

/** Returns why a job has no result, or null if it has. `unsent` says more of a job that was cancelled here. */
function errorOf({ status, error }: JobView, unsent: string | null): ErrorView | null {
  if (status === 'READY') return null;
  const state = status.toLowerCase().replaceAll('_', ' ');
  const known = status === 'CANCELLED' ? unsent : null;
  return { code: error?.code ?? status, message: known ?? error?.message ?? `The job is ${state}.` };
}

/** Downloads each result to its path, a few at a time. */
export async function saveResults(
  conversions: Conversions,
  { results, places }: { results: readonly FileResult[]; places: readonly string[] },
): Promise<SavedBatch> {
  const saveOne = async (result: FileResult, i: number): Promise<FileResult> => {
    const [output] = result.job.outputs;
    const place = places[i] ?? '';
    if (result.error || !output) return result;
    const error = await save(conversions, output, place);
    return { ...result, error, savedAs: error ? null : place };
  };
  const saved = await mapConcurrently(results, saveOne, { concurrency: MAX_TRANSFERS });
  return { results: saved, archive: null, archiveError: null };
}

/** Downloads the ZIP of all results; there is none if no result is ready. */
export async function saveArchive(
  conversions: Conversions,
  { batch, results, place }: { batch: BatchView; results: FileResult[]; place: string },
): Promise<SavedBatch> {
  if (batch.counts.ready === 0) return { results, archive: null, archiveError: null };
  const { downloadUrl = null, error = null } = batch.archive ?? {};
  const missing = error ?? { code: 'NOT_FOUND', message: 'Kiln did not pack the results.' };
  const archiveError = downloadUrl === null ? missing : await save(conversions, { downloadUrl }, place);
  return { results, archive: archiveError ? null : place, archiveError };
}

async function save(
  conversions: Conversions,
  output: Pick<OutputView, 'downloadUrl'>,
  place: string,
): Promise<ErrorView | null> {
  try {
    await saveAs(place, await conversions.download(output));
    return null;
  } catch (error) {
    return { code: 'NOT_SAVED', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Prints what was written, and each error. @throws CommandError if there was any. */
export function reportResults(batch: BatchView, saved: SavedBatch, { json }: { json: boolean }): void {
  const { results, archive, archiveError } = saved;
  const errors = results.flatMap(({ file, error }) => (error ? [{ file, ...error }] : []));
  if (archiveError) errors.push({ file: batch.archive?.filename ?? '', ...archiveError });
  if (json) printJson({ ...batch, savedAs: archive, jobs: results.map(toJson), failures: errors });
  else print(linesOf(batch, saved).join(''));
  for (const { file, message, code } of errors) printError(`${file}: ${message} (${code})\n`);
  if (errors.length === 0) return;
  throw new CommandError(`The batch is ${batch.status.toLowerCase()}: ${describeCounts(batch.counts)}.`, {
    hint: `See \`kiln batches show ${batch.batchId}\`.`,
  });
}

function toJson({ job, file, savedAs }: FileResult) {
  return { ...job, file, savedAs };
}

function linesOf({ archive: packed, counts }: BatchView, { results, archive }: SavedBatch): string[] {
  const notes = results.flatMap(({ file, job }) => job.warnings.map((text) => `Note on ${file}: ${text}\n`));
  const single = results.flatMap(({ savedAs, job: { outputs } }) =>
    savedAs !== null && outputs[0] ? [`${savedAs} (${describeOutput(outputs[0])})\n`] : [],
  );
  const size = packed?.size ?? 0;
  const zip = archive === null ? [] : [`${archive} (${countFiles(counts.ready)}, ${formatBytes(size)})\n`];
  return [...notes, ...single, ...zip];
}
