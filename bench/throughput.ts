import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConversions, resultOf } from '../src/cli/commands/jobs/conversions.ts';
import type { Bench, Row } from './bench.ts';
import { type KilnProcess, storeFile } from './kiln-process.ts';
import { cpuMs } from './process-tree.ts';
import { convertBare, SIDE, smallPng } from './small-image.ts';
import { measureRate } from './statistics.ts';

const IN_FLIGHT = [8, 16, 32] as const;
const FLOW_IN_FLIGHT = 16;
const WARM_UP_MS = 3000;
const CELL_MS = 10_000;
const BARE_MS = 3000;
const WAIT_MS = 30_000;
const POLL_MS = 100;
const TARGET = { atLeast: 25 };

/** Measures how many small jobs a second are converted. */
export const bench: Bench = {
  name: 'throughput',
  about: `small jobs per second, ${SIDE} px PNG to WebP, ${CELL_MS / 1000} s per cell, API, worker, Temporal and database on this machine`,

  async run({ kiln, say }) {
    const png = await smallPng();
    const alone = await measureRate(availableParallelism(), BARE_MS, () => convertBare(png));
    const bare = { what: 'sharp alone', figure: alone.rate };
    const fileId = await storeFile(kiln, { filename: 'small.png', mime: 'image/png', bytes: png });
    const conversions = createConversions(kiln);
    const oneJob = async () => {
      const { job } = await conversions.create({ fileId, target: 'webp', wait: WAIT_MS });
      resultOf(job);
    };
    await measureRate(FLOW_IN_FLIGHT, WARM_UP_MS, oneJob);
    const rows: Row[] = [];
    for (const inFlight of IN_FLIGHT) {
      say(`${inFlight} in flight …`);
      rows.push({
        what: `jobs from a stored file, ${inFlight} in flight`,
        ...(await measure(kiln.pid, inFlight, oneJob)),
        bare,
      });
    }
    await conversions.close();
    say('the whole SwapMyFile flow …');
    rows.push({
      what: `SwapMyFile: prepare, PUT, complete, poll, ${FLOW_IN_FLIGHT} in flight`,
      ...(await measure(kiln.pid, FLOW_IN_FLIGHT, () => wholeFlow(kiln, png))),
      bare,
    });
    return rows;
  },
};

/** Measures the rate and the CPU time per job, which is the same on a busy machine. */
async function measure(pid: number, inFlight: number, job: () => Promise<void>) {
  const before = cpuMs(pid);
  const { rate, finished } = await measureRate(inFlight, CELL_MS, job);
  const each = Math.round((cpuMs(pid) - before) / finished);
  return { figure: rate, unit: '/s', target: TARGET, note: `${each} CPU-ms per job, engines included` };
}

async function wholeFlow({ url, apiKey }: KilnProcess, png: Uint8Array<ArrayBuffer>): Promise<void> {
  const key = { 'x-api-key': apiKey };
  const { job, upload } = await answerOf(`${url}/uploads/prepare`, {
    method: 'POST',
    headers: { ...key, 'content-type': 'application/json' },
    body: JSON.stringify({
      converterSlug: 'png-to-webp',
      inputFilename: 'small.png',
      inputMime: 'image/png',
      inputSize: png.length,
    }),
  });
  await answerOf(upload.url, { method: upload.method, headers: upload.headers, body: png });
  await answerOf(upload.completeUrl, { method: 'POST' });
  for (let status = job.status; status !== 'ready'; ) {
    await sleep(POLL_MS);
    ({ status } = (await answerOf(`${url}/jobs/${job.jobId}`, { headers: key })).job);
    if (status === 'failed') throw new Error('A job of the bench failed.');
  }
}

async function answerOf(url: string, init: RequestInit) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} was answered with ${response.status}.`);
  return response.json();
}
