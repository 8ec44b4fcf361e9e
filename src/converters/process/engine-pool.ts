import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode } from '../../domain/errors.ts';
import { closing, createPool } from '../pool.ts';
import type { EngineLimits } from './engine-limits.ts';
import type { EngineResults, EngineTask } from './engine-messages.ts';
import { type EngineProcess, startEngineProcess, type TaskContext } from './engine-process.ts';
import { createEngineScratch } from './engine-scratch.ts';

const DEFAULT_RECYCLE_AFTER = 500;
/** Share of a task's memory that a process may keep between tasks; one that keeps more is replaced. */
const IDLE_SHARE = 0.5;

/** How many engine processes, and what each may cost. */
export interface EnginePoolSettings {
  size: number;
  limits: EngineLimits;
  /** Tasks after which a process is replaced, to free memory that a library leaked. */
  recycleAfter?: number;
  /** Absolute path of another program, for tests of misbehaviour. */
  program?: string;
  /** Logs processes that ended by themselves. */
  log?: { warn(fields: object, message: string): void };
}

/** Engine processes behind one first-come, first-served queue. */
export interface EnginePool {
  run<T extends EngineTask>(task: T, context: TaskContext): Promise<EngineResults[T['kind']]>;
  /** Starts every process and runs `tasks` in each, so that the first job does not wait for that. */
  warm(tasks: readonly EngineTask[]): Promise<void>;
  /** Returns the process ids of those that run now. */
  pids(): number[];
  /** Kills all processes; tasks that run or wait throw UNAVAILABLE. */
  close(): Promise<void>;
}

interface Slot {
  engine: EngineProcess | undefined;
  tasks: number;
}

/**
 * Creates a pool whose processes start at first use or by warm(), and are replaced when they die, age or grow.
 */
export function createEnginePool(settings: EnginePoolSettings): EnginePool {
  const { size, limits, log, recycleAfter = DEFAULT_RECYCLE_AFTER, program = engineProgram() } = settings;
  const scratchDir = createEngineScratch();
  const slots: Slot[] = Array.from({ length: size }, () => ({ engine: undefined, tasks: 0 }));
  const pool = createPool(slots);

  async function run<T extends EngineTask>(task: T, context: TaskContext): Promise<EngineResults[T['kind']]> {
    const slot = await pool.acquire(context.signal);
    try {
      return await runIn(slot, task, context);
    } finally {
      await retire(slot, recycleAfter, limits);
      pool.release(slot);
    }
  }

  async function runIn<T extends EngineTask>(slot: Slot, task: T, context: TaskContext) {
    if (pool.closed) throw closing();
    if (!slot.engine?.alive) {
      slot.engine = startEngineProcess({ program, scratchDir, limits });
      slot.tasks = 0;
    }
    slot.tasks += 1;
    try {
      return await slot.engine.run(task, context);
    } catch (error) {
      if (pool.closed) throw closing();
      if (hasCode(error, 'ENGINE_CRASHED')) {
        log?.warn({ err: error.cause, task: task.kind, engine: task.engine }, 'an engine process crashed');
      }
      throw error;
    }
  }

  async function warmNext(tasks: readonly EngineTask[]): Promise<void> {
    const { signal } = new AbortController();
    const slot = await pool.acquire(signal);
    try {
      for (const task of tasks) await runIn(slot, task, { signal });
    } finally {
      pool.release(slot);
    }
  }

  return {
    run,
    async warm(tasks) {
      await Promise.all(slots.map(() => warmNext(tasks)));
    },
    pids: () => slots.flatMap(({ engine }) => (engine?.alive ? [engine.pid] : [])),
    async close() {
      pool.close();
      await Promise.all(slots.map(({ engine }) => engine?.stop()));
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}

async function retire({ engine, tasks }: Slot, recycleAfter: number, limits: EngineLimits): Promise<void> {
  if (!engine?.alive) return;
  const grown = (await engine.residentBytes()) > limits.maxMemoryBytes * IDLE_SHARE;
  if (grown || tasks >= recycleAfter) await engine.stop();
}

/** Returns the path of engine-main, which has the extension of this module: .ts, or .js where it was built. */
function engineProgram(): string {
  return fileURLToPath(new URL(`./engine-main${extname(import.meta.url)}`, import.meta.url));
}
