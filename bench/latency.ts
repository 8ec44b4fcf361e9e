import { createConversions, resultOf } from '../src/cli/commands/jobs/conversions.ts';
import type { Bench } from './bench.ts';
import { storeFile } from './kiln-process.ts';
import { convertBare, SIDE, smallPng } from './small-image.ts';
import { percentile } from './statistics.ts';

const WARM_UP = 10;
const JOBS = 60;
const WAIT_MS = 30_000;

/** Measures what the service adds to the engine's own time. */
export const bench: Bench = {
  name: 'latency',
  about: `added latency of the smallest job: ${JOBS} in sequence, ${SIDE} px PNG to WebP, submit to ready minus engine`,

  async run({ kiln }) {
    const png = await smallPng();
    const fileId = await storeFile(kiln, { filename: 'small.png', mime: 'image/png', bytes: png });
    const conversions = createConversions(kiln);
    const added: number[] = [];
    for (let i = 0; i < WARM_UP + JOBS; i += 1) {
      const began = performance.now();
      const { job } = await conversions.create({ fileId, target: 'webp', wait: WAIT_MS });
      const took = performance.now() - began;
      resultOf(job);
      if (i >= WARM_UP) added.push(took - (job.conversions[0]?.engineMs ?? 0));
    }
    await conversions.close();
    const bare = { what: 'sharp alone', figure: await bareMs(png) };
    return [
      {
        what: 'added latency, p50',
        figure: percentile(added, 0.5),
        unit: 'ms',
        target: { atMost: 250 },
        bare,
      },
      { what: 'added latency, p95', figure: percentile(added, 0.95), unit: 'ms', bare },
    ];
  },
};

async function bareMs(png: Uint8Array): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + JOBS; i += 1) {
    const began = performance.now();
    await convertBare(png);
    if (i >= WARM_UP) times.push(performance.now() - began);
  }
  return percentile(times, 0.5);
}
