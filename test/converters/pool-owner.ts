import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_ENGINE_LIMITS } from '../../src/converters/process/engine-limits.ts';
import { createHostPool } from '../../src/converters/process/host-pool.ts';

/** A process to be killed: it owns one host that is busy for ever, and says the host's process id. */
const [, , program = ''] = process.argv;
const pool = createHostPool({ size: 1, limits: DEFAULT_ENGINE_LIMITS, program });
const { signal } = new AbortController();
const task = { kind: 'probe', engine: 'sharp', source: 'png', limits: DEFAULT_ENGINE_LIMITS } as const;
await pool.run({ ...task, inputPath: 'answer' }, { signal });
const busy = pool.run({ ...task, inputPath: 'hang' }, { signal });
// Long enough for the message to be on its way.
await sleep(100);
process.stdout.write(`${pool.pids()[0]}\n`);
await busy;
