import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type LivingProcess, markedProcesses } from '../service/kiln-process.ts';
import { withDatabase } from './settled.ts';
import type { MortalKiln } from './whole-kiln.ts';

/** What a running service uses, by name: figures that must not grow with the jobs it has done. */
export type Inventory = ReadonlyMap<string, number>;

const MB = 1e6;

/** The parts of Kiln by their command lines; the first match counts. */
const ROLES: readonly [RegExp, string][] = [
  [/engine-main/, 'engine processes'],
  [/reaper\.js/, 'reaper'],
  [/temporal.*start-dev/, 'Temporal'],
  [/EmbeddedMongo|mongod /, 'MongoDB'],
  [/bootstrap\/kiln\.js/, 'bootstrap'],
  [/process\/start\.ts/, 'Kiln'],
];

/** Counts memory, file descriptors, documents and files of a service, by mark and data folder. */
export async function takeInventory(kiln: MortalKiln, mark: string): Promise<Inventory> {
  const figures = new Map<string, number>();
  const byRole = Map.groupBy(markedProcesses(mark), roleOf);
  for (const [role, processes] of byRole) {
    figures.set(`${role}: memory, MB`, sum(processes, rssBytes) / MB);
    figures.set(`${role}: file descriptors`, sum(processes, fileDescriptors));
  }
  await withDatabase(kiln, async (db) => {
    const collections = await db.collections();
    for (const one of collections.sort((a, b) => a.collectionName.localeCompare(b.collectionName)))
      figures.set(`documents of ${one.collectionName}`, await one.countDocuments());
  });
  const stored = filesBelow(join(kiln.dataDir, 'blobs'));
  figures.set('blob folder: files', stored.length);
  figures.set(
    'blob folder: MB',
    sum(stored, (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0) / MB,
  );
  figures.set('scratch folder: entries', filesBelow(join(kiln.dataDir, 'scratch')).length);
  for (const folder of ['mongo-java-server', 'mongod', 'logs'])
    figures.set(`${folder} folder: MB`, sizeOf(join(kiln.dataDir, folder)));
  return figures;
}

/** Returns the size of Temporal's database. It grows, since histories of ended workflows are kept for a day. */
export function temporalMegabytes(dataDir: string): number {
  return (
    sum(
      ['temporal.db', 'temporal.db-wal'],
      (name) => statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0,
    ) / MB
  );
}

/** Returns the figures that grew by more than chance: by more than `share` and a small constant. */
export function grownSince(before: Inventory, now: Inventory, share: number): string[] {
  return [...now].flatMap(([name, figure]) => {
    const was = before.get(name) ?? 0;
    return figure > was * (1 + share) + slack(name)
      ? [`${name} grew from ${was.toFixed(0)} to ${figure.toFixed(0)}`]
      : [];
  });
}

function slack(name: string): number {
  return name.includes('MB') ? 25 : 40;
}

function roleOf({ command }: LivingProcess): string {
  return ROLES.find(([pattern]) => pattern.test(command))?.[1] ?? 'other';
}

function rssBytes({ pid }: LivingProcess): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}

function fileDescriptors({ pid }: LivingProcess): number {
  return list(`/proc/${pid}/fd`).length;
}

function sizeOf(folder: string): number {
  return sum(filesBelow(folder), (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0) / MB;
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    // The folder is missing, or one in it was removed meanwhile.
    return [];
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
