import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_ENGINE_LIMITS } from '../../../src/converters/process/engine-limits.ts';
import { createEnginePool } from '../../../src/converters/process/engine-pool.ts';

/** A process to be killed: starts an engine process, keeps it busy for ever, and prints its process id. */
const [, , program = ''] = process.argv;
const pool = createEnginePool({ size: 1, limits: DEFAULT_ENGINE_LIMITS, program });
const { signal } = new AbortController();
const task = { kind: 'probe', engine: 'sharp', source: 'png', limits: DEFAULT_ENGINE_LIMITS } as const;
await pool.run({ ...task, inputPath: 'answer' }, { signal });
const busy = pool.run({ ...task, inputPath: 'hang' }, { signal });
// Long enough for the message to be on its way.
await sleep(100);
process.stdout.write(`${pool.pids()[0]}\n`);
await busy;
