import { type Conversions, type JobEventView, type JobView, resultOf } from '../commands/jobs/conversions.ts';
import { CommandError } from '../terminal/command-error.ts';
import { formatBytes, formatDuration, renderBar } from '../terminal/terminal.ts';
import type { Narrator } from './narrator.ts';
import { type ExpectedPicture, keepResult } from './results.ts';
import type { Sample } from './samples.ts';

/** What every GraphQL step of the demo needs. */
export interface GraphqlStepPorts {
  conversions: Conversions;
  narrator: Narrator;
  folder: string;
}

/** A conversion of the demo and the result that it must have. */
interface PictureRequest {
  sample: Sample;
  target: string;
  options?: Record<string, unknown>;
  expected: ExpectedPicture;
}

const WAIT_MS = 30_000;

/** Creates a job, uploads and completes, while a subscription shows what happens to it. */
export async function convertWatched(ports: GraphqlStepPorts, request: PictureRequest): Promise<string> {
  const { conversions, narrator } = ports;
  const { job, upload } = await create(ports, request);
  const bring = async () => {
    await conversions.send(upload, request.sample.bytes);
    narrator.detail('uploaded', `${formatBytes(request.sample.bytes.length)} by PUT to a signed URL`);
    await conversions.complete(job.jobId);
  };
  const [ended] = await Promise.all([watchToEnd(ports, job.jobId), bring()]);
  return keep(ports, ended, request.expected);
}

/** Converts a small file the short way: the call that completes the upload returns the result. */
export async function convertWaiting(ports: GraphqlStepPorts, request: PictureRequest): Promise<string> {
  const { conversions } = ports;
  const { job, upload } = await create(ports, request);
  await conversions.send(upload, request.sample.bytes);
  return keep(ports, await conversions.complete(job.jobId, WAIT_MS), request.expected);
}

async function create(
  { conversions, narrator }: GraphqlStepPorts,
  { sample, target, options }: PictureRequest,
) {
  const { filename, mime, bytes } = sample;
  const created = await conversions.create({
    upload: { filename, mime, size: bytes.length },
    target,
    ...(options && { options }),
  });
  const { job, upload } = created;
  if (!upload) throw new CommandError('Kiln did not say where to send the file.');
  narrator.detail('created', `job ${job.jobId} for ${filename}`);
  return { job, upload };
}

async function watchToEnd({ conversions, narrator }: GraphqlStepPorts, jobId: string): Promise<JobView> {
  let last: JobView | undefined;
  for await (const event of conversions.watch(jobId)) {
    tell(narrator, event);
    last = event.job;
  }
  narrator.status('');
  if (!last) throw new CommandError('The connection ended before the job did.');
  return last;
}

function tell(narrator: Narrator, { kind, status, message, progress }: JobEventView): void {
  if (kind === 'PROGRESS' && progress) narrator.status(`${renderBar(progress.percent)}  ${progress.stage}`);
  else
    narrator.detail('live', [status.toLowerCase().replaceAll('_', ' '), message].filter(Boolean).join(': '));
}

async function keep(
  { conversions, narrator, folder }: GraphqlStepPorts,
  job: JobView,
  expected: ExpectedPicture,
): Promise<string> {
  const output = resultOf(job);
  const response = await conversions.download(output);
  const kept = await keepResult(folder, output.filename, await response.bytes(), expected);
  for (const { engine, engineMs } of job.conversions) {
    narrator.detail('engine', `${engine}, ${formatDuration(engineMs ?? 0)}`);
  }
  for (const warning of job.warnings) narrator.detail('note', warning);
  return kept;
}
