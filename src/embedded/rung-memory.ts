import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KilnError } from '../domain/errors.ts';

const rung = z.object({ rung: z.string(), version: z.string() });
const temporal = rung.extend({ searchAttributes: z.array(z.string()) });
const mongodb = rung.extend({ port: z.number().optional() });
const memory = z.object({ temporal: temporal.optional(), mongodb: mongodb.optional() });

/** How an engine was provided when its data was written. */
export type RememberedMongo = z.infer<typeof mongodb>;
export type RungMemory = z.infer<typeof memory>;

/** What this data folder's engines were; empty for a new folder. */
export async function readRungs(dataDir: string): Promise<RungMemory> {
  try {
    return memory.parse(JSON.parse(await readFile(pathIn(dataDir), 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw new KilnError('UNAVAILABLE', 'The engines.json of the data folder cannot be read.', {
      cause,
      hint: 'It says which engine wrote the data. Restore it, or use another data folder.',
    });
  }
}

/** What is remembered of a data folder, while its engines are started. */
export interface RungRecord {
  readonly known: RungMemory;
  /** To be told of each engine as soon as it has written data; what is not told of stays as it was. */
  remember(part: RungMemory): void;
}

/** Opens the record of a data folder. */
export async function openRungRecord(dataDir: string): Promise<RungRecord> {
  const known = await readRungs(dataDir);
  let current = known;
  return {
    known,
    // Synchronous: two engines start at a time. Whole or not at all.
    remember(part) {
      current = { ...current, ...part };
      const path = pathIn(dataDir);
      writeFileSync(`${path}.new`, `${JSON.stringify(current, null, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
  };
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'engines.json');
}
