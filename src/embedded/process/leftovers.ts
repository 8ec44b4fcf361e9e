import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { inspectProcess } from '../../../bootstrap/process-table.js';
import type { Reaper } from './reaper.ts';
import type { ServerRegistry } from './server-process.ts';

const POLL_MS = 25;
const record = z.array(z.object({ engine: z.string(), pid: z.number(), started: z.string() }));

type Record = z.infer<typeof record>;

/** Creates a registry that tells the reaper and a file in the data folder which engines run. */
export function createServerRegistry(dataDir: string, reaper: Reaper): ServerRegistry {
  let running: Record = [];
  // Synchronous, so that an engine is on record before this process can end.
  const save = () => writeFileSync(pathIn(dataDir), JSON.stringify(running));
  return {
    started(engine, pid) {
      reaper.watch(pid);
      running = [...running, { engine, pid, started: inspectProcess(pid)?.started ?? '' }];
      save();
    },
    ended(_engine, pid) {
      reaper.forget(pid);
      running = running.filter((entry) => entry.pid !== pid);
      save();
    },
  };
}

/** Kills engines of an earlier run whose owner and reaper were both killed. Returns how many there were. */
export async function sweepLeftovers(dataDir: string): Promise<number> {
  const leftovers = (await readRecord(dataDir)).filter(isAlive);
  for (const { pid } of leftovers) process.kill(-pid, 'SIGKILL');
  // Waits for their end, until which their files are locked.
  while (leftovers.some(isAlive)) await sleep(POLL_MS);
  return leftovers.length;
}

/**
 * Whether the recorded process runs. Compares start times, since another process may have been given its pid.
 */
function isAlive({ pid, started }: Record[number]): boolean {
  return inspectProcess(pid)?.started === started;
}

async function readRecord(dataDir: string): Promise<Record> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => '[]');
  // A file cut short by a kill or a full disk counts as empty.
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
