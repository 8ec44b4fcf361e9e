import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConversionError } from '../domain/errors.ts';

const rung = z.object({ rung: z.string(), version: z.string() });
const temporal = rung.extend({ searchAttributes: z.array(z.string()) });
const memory = z.object({ temporal: temporal.optional(), mongodb: rung.optional() });

/** How an engine was provided when its data was written. */
export type RememberedRung = z.infer<typeof rung>;
export type RungMemory = z.infer<typeof memory>;

/** What this data folder's engines were; empty for a new folder. */
export async function readRungs(dataDir: string): Promise<RungMemory> {
  try {
    return memory.parse(JSON.parse(await readFile(pathIn(dataDir), 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw new ConversionError('UNAVAILABLE', 'The engines.json of the data folder cannot be read.', {
      cause,
      hint: 'It says which engine wrote the data. Restore it, or use another data folder.',
    });
  }
}

/** Remembers the engines for the next start; whole or not at all. */
export async function writeRungs(dataDir: string, rungs: RungMemory): Promise<void> {
  const path = pathIn(dataDir);
  await writeFile(`${path}.new`, `${JSON.stringify(rungs, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'engines.json');
}
