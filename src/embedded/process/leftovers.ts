import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { inspectProcess } from '../../../bootstrap/process-table.js';
import type { EngineRegistry } from './engine-process.ts';
import type { Keeper } from './keeper.ts';

const POLL_MS = 25;
const record = z.array(z.object({ engine: z.string(), pid: z.number(), started: z.string() }));

type Record = z.infer<typeof record>;

/** Tells the keeper and a file in the data folder which engines run, so that none outlives us for long. */
export function createEngineRegistry(dataDir: string, keeper: Keeper): EngineRegistry {
  let running: Record = [];
  // Synchronous: an engine must be on record before anything else can happen to us.
  const save = () => writeFileSync(pathIn(dataDir), JSON.stringify(running));
  return {
    started(engine, pid) {
      keeper.keep(pid);
      running = [...running, { engine, pid, started: inspectProcess(pid)?.started ?? '' }];
      save();
    },
    ended(_engine, pid) {
      keeper.forget(pid);
      running = running.filter((entry) => entry.pid !== pid);
      save();
    },
  };
}

/** Ends engines of an earlier run whose owner and keeper were both killed. Gives how many there were. */
export async function sweepLeftovers(dataDir: string): Promise<number> {
  const leftovers = (await readRecord(dataDir)).filter(isAlive);
  for (const { pid } of leftovers) process.kill(-pid, 'SIGKILL');
  // Their files are locked until they are gone.
  while (leftovers.some(isAlive)) await sleep(POLL_MS);
  return leftovers.length;
}

/** The start time keeps us from hitting a stranger that was given the same pid. */
function isAlive({ pid, started }: Record[number]): boolean {
  return inspectProcess(pid)?.started === started;
}

async function readRecord(dataDir: string): Promise<Record> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => '[]');
  // Cut short by a kill or a full disk, it tells nothing.
  return record.safeParse(parseJson(text)).data ?? [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'engine-pids.json');
}
