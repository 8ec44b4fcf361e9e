import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../service-client/graphql-client.ts';
import { CommandError } from '../terminal/command-error.ts';
import { formatBytes } from '../terminal/terminal.ts';
import { createCallbackReceiver, type ReceivedCallback } from './callback-receiver.ts';
import type { Narrator } from './narrator.ts';
import { type ExpectedPicture, keepResult } from './results.ts';
import type { Sample } from './samples.ts';

interface RestJob {
  jobId: string;
  status: string;
  outputFilename: string;
  downloadUrl: string | null;
  error?: { message: string };
}

interface Prepared {
  job: RestJob;
  upload: { method: string; url: string; headers: Record<string, string>; completeUrl: string };
}

/** What this step of the demo needs. */
interface RestStepPorts {
  service: Service;
  narrator: Narrator;
  folder: string;
}

const POLL_MS = 100;
const TIMEOUT_MS = 30_000;

/** Converts as a SwapMyFile client does: prepare, upload, complete, poll, and receive the callback. */
export async function convertOverSwapmyfile(
  ports: RestStepPorts,
  { sample, converterSlug, expected }: { sample: Sample; converterSlug: string; expected: ExpectedPicture },
): Promise<string> {
  const { service, narrator, folder } = ports;
  const secret = randomBytes(24).toString('base64url');
  const receiver = await createCallbackReceiver(secret);
  try {
    const { job, upload } = await prepare(service, sample, {
      converterSlug,
      callbackUrl: receiver.url,
      callbackSecret: secret,
    });
    narrator.detail('prepared', `job ${job.jobId} for ${sample.filename}`);
    await json(upload.url, { method: upload.method, headers: upload.headers, body: sample.bytes });
    narrator.detail('uploaded', `${formatBytes(sample.bytes.length)} by PUT to a signed URL`);
    await json(upload.completeUrl, { method: 'POST' });
    const ended = await pollToEnd(ports, job.jobId);
    const download = await fetch(new URL(ended.downloadUrl ?? '', service.url));
    const kept = await keepResult(folder, ended.outputFilename, await download.bytes(), expected);
    verify(narrator, await callbackOf(receiver.received), job.jobId);
    return kept;
  } finally {
    receiver.close();
  }
}

async function prepare(service: Service, { filename, mime, bytes }: Sample, rest: Record<string, string>) {
  const body = { inputFilename: filename, inputMime: mime, inputSize: bytes.length, ...rest };
  return json<Prepared>(`${service.url}/uploads/prepare`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': service.apiKey },
    body: JSON.stringify(body),
  });
}

async function pollToEnd({ service, narrator }: RestStepPorts, jobId: string): Promise<RestJob> {
  const deadline = Date.now() + TIMEOUT_MS;
  let known = '';
  while (Date.now() < deadline) {
    const { job } = await json<{ job: RestJob }>(`${service.url}/jobs/${jobId}`, {
      headers: { 'x-api-key': service.apiKey },
    });
    if (job.status !== known) narrator.detail('polled', job.status);
    known = job.status;
    if (job.status === 'ready') return job;
    if (job.status === 'failed') throw new CommandError(job.error?.message ?? 'The job failed.');
    await sleep(POLL_MS);
  }
  throw new CommandError(`The job was still ${known} after ${TIMEOUT_MS / 1000} s.`);
}

async function callbackOf(received: Promise<ReceivedCallback>): Promise<ReceivedCallback> {
  const late = sleep(TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new CommandError(`No callback came within ${TIMEOUT_MS / 1000} s.`);
  });
  return Promise.race([received, late]);
}

function verify(narrator: Narrator, { event, isSigned, body }: ReceivedCallback, jobId: string): void {
  if (!isSigned) throw new CommandError('The callback came without a valid signature.');
  if (event !== 'job.ready' || body.job.jobId !== jobId || body.job.status !== 'ready') {
    throw new CommandError(`The callback tells of ${event} of job ${body.job.jobId} instead.`);
  }
  narrator.detail('callback', `${event}, x-swapmyfile-signature verified over the raw body`);
}

async function json<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const answer = await response.json();
  if (response.ok) return answer as Answer;
  throw new CommandError(
    answer?.error?.message ?? `${new URL(url).pathname} was answered with ${response.status}.`,
  );
}
