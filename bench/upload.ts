import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createConversions } from '../src/cli/commands/jobs/conversions.ts';
import type { Bench } from './bench.ts';
import { storeFile } from './kiln-process.ts';
import { smallPng } from './small-image.ts';

const GIB = 2 ** 30;
const MEGABYTE = 1e6;
const CHUNK = Buffer.alloc(64 * 1024, 'kiln');
const SAMPLE_MS = 50;

/** Measures what a large upload costs in memory and time. */
export const bench: Bench = {
  name: 'upload',
  about: '1 GiB by PUT to a signed URL, with digest and file sync: memory of the API process and speed',

  async run({ kiln, folder, say }) {
    const bareMs = await putIntoSink(join(folder, 'sink'));
    // Uploads once before, since the first upload loads code.
    await storeFile(kiln, { filename: 'small.png', mime: 'image/png', bytes: await smallPng() });
    const conversions = createConversions(kiln);
    const upload = await conversions.prepareUpload({ filename: 'large.png', mime: 'image/png', size: GIB });
    await conversions.close();
    say('1 GiB is under way …');
    const memory = watchMemory(kiln.pid);
    const ms = await put(
      upload.url,
      Object.fromEntries(upload.headers.map(({ name, value }) => [name, value])),
    );
    const { idle, peak } = memory.stop();
    return [
      {
        what: 'memory of the API process, peak minus idle',
        figure: (peak - idle) / MEGABYTE,
        unit: 'MB',
        target: { atMost: 60 },
        note: `idle ${Math.round(idle / MEGABYTE)} MB, peak ${Math.round(peak / MEGABYTE)} MB`,
      },
      {
        what: 'upload speed, 1 stream',
        figure: speed(ms),
        unit: 'MB/s',
        bare: { what: 'bare Node, socket to file, no digest', figure: speed(bareMs) },
      },
    ];
  },
};

const speed = (ms: number) => GIB / MEGABYTE / (ms / 1000);

async function putIntoSink(path: string): Promise<number> {
  const sink = fork(join(import.meta.dirname, 'sink.ts'), [path]);
  try {
    const [port] = await once(sink, 'message');
    return await put(`http://127.0.0.1:${port}/`, {});
  } finally {
    sink.kill();
  }
}

/** Uploads 1 GiB. @returns milliseconds until the answer. */
async function put(url: string, headers: Record<string, string>): Promise<number> {
  const began = performance.now();
  const outgoing = request(url, { method: 'PUT', headers: { ...headers, 'content-length': GIB } });
  const answered = once(outgoing, 'response');
  await Promise.all([pipeline(Readable.from(gibibyte()), outgoing), answered]);
  const [response] = await answered;
  const answer = await text(response);
  if (response.statusCode !== 200)
    throw new Error(`The upload was answered with ${response.statusCode}: ${answer}`);
  return performance.now() - began;
}

function* gibibyte() {
  for (let sent = 0; sent < GIB; sent += CHUNK.length) yield CHUNK;
}

function watchMemory(pid: number) {
  const idle = residentBytes(pid);
  let peak = idle;
  const sample = () => {
    peak = Math.max(peak, residentBytes(pid));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return { idle, peak };
    },
  };
}

/** Returns the resident memory in bytes; VmRSS of proc(5) is in kB. */
function residentBytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
