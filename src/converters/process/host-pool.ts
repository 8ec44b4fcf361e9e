import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KilnError } from '../../domain/errors.ts';
import { closing, createTurnQueue } from '../turn-queue.ts';
import type { EngineLimits } from './engine-limits.ts';
import { type Host, startHost, type TaskContext } from './host.ts';
import type { HostResults, HostTask } from './host-messages.ts';
import { createHostScratch } from './host-scratch.ts';

const DEFAULT_RECYCLE_AFTER = 500;
/** A host that stays this large between tasks has kept something: half of what one task may use. */
const IDLE_SHARE = 0.5;

/** How many hosts, and what each may cost. */
export interface HostPoolSettings {
  size: number;
  limits: EngineLimits;
  /** Tasks after which a host is replaced; memory that a library lost goes with it. */
  recycleAfter?: number;
  /** The host's program, for tests of misbehaviour. */
  program?: string;
  /** Told about hosts that ended by themselves. */
  log?: { warn(fields: object, message: string): void };
}

/** Warm engine processes behind one first-come, first-served queue. */
export interface HostPool {
  run<T extends HostTask>(task: T, context: TaskContext): Promise<HostResults[T['kind']]>;
  /** Starts every host and has it do `tasks`, so that the first user does not wait for it. */
  warm(tasks: readonly HostTask[]): Promise<void>;
  /** Process ids of the hosts that run now. */
  pids(): number[];
  /** Kills all hosts; whatever still runs or waits is refused. */
  close(): Promise<void>;
}

interface Slot {
  host: Host | undefined;
  tasks: number;
}

/** Hosts start at first use or by warm(), and are replaced when they die, age or grow. */
export function createHostPool(settings: HostPoolSettings): HostPool {
  const { size, limits, log, recycleAfter = DEFAULT_RECYCLE_AFTER, program = hostProgram() } = settings;
  const scratchDir = createHostScratch();
  const slots: Slot[] = Array.from({ length: size }, () => ({ host: undefined, tasks: 0 }));
  const turns = createTurnQueue(slots);

  async function run<T extends HostTask>(task: T, context: TaskContext): Promise<HostResults[T['kind']]> {
    const slot = await turns.take(context.signal);
    try {
      return await runIn(slot, task, context);
    } finally {
      await retire(slot, recycleAfter, limits);
      turns.give(slot);
    }
  }

  async function runIn<T extends HostTask>(slot: Slot, task: T, context: TaskContext) {
    if (turns.closed) throw closing();
    if (!slot.host?.alive) {
      slot.host = startHost({ program, scratchDir, limits });
      slot.tasks = 0;
    }
    slot.tasks += 1;
    try {
      return await slot.host.run(task, context);
    } catch (error) {
      if (turns.closed) throw closing();
      if (error instanceof KilnError && error.code === 'ENGINE_CRASHED') {
        log?.warn({ err: error.cause, task: task.kind, engine: task.engine }, 'an engine host crashed');
      }
      throw error;
    }
  }

  async function warmNext(tasks: readonly HostTask[]): Promise<void> {
    const { signal } = new AbortController();
    const slot = await turns.take(signal);
    try {
      for (const task of tasks) await runIn(slot, task, { signal });
    } finally {
      turns.give(slot);
    }
  }

  return {
    run,
    async warm(tasks) {
      await Promise.all(slots.map(() => warmNext(tasks)));
    },
    pids: () => slots.flatMap(({ host }) => (host?.alive ? [host.pid] : [])),
    async close() {
      turns.close();
      await Promise.all(slots.map(({ host }) => host?.stop()));
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}

async function retire({ host, tasks }: Slot, recycleAfter: number, limits: EngineLimits): Promise<void> {
  if (!host?.alive) return;
  const grown = (await host.residentBytes()) > limits.maxMemoryBytes * IDLE_SHARE;
  if (grown || tasks >= recycleAfter) await host.stop();
}

/** Beside this module, under the extension that this build uses. */
function hostProgram(): string {
  return fileURLToPath(new URL(`./engine-host${extname(import.meta.url)}`, import.meta.url));
}
