import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';

// Data folders of all releases call the provider `rung`, so the file keeps that name.
const stored = z.object({ rung: z.string(), version: z.string() });
const file = z.object({
  temporal: stored.extend({ searchAttributes: z.array(z.string()) }).optional(),
  mongodb: stored.extend({ port: z.number().optional() }).optional(),
});

interface RecordedEngine {
  /** Name of the provider, for example "downloaded mongod". */
  provider: string;
  version: string;
}

interface RecordedTemporal extends RecordedEngine {
  searchAttributes: string[];
}

export interface RecordedMongo extends RecordedEngine {
  port?: number | undefined;
}

/** Which engines wrote the data of a folder; an engine is absent until it has written some. */
export interface RecordedEngines {
  temporal?: RecordedTemporal | undefined;
  mongodb?: RecordedMongo | undefined;
}

/**
 * Reads which engines wrote the data of a folder. Returns `{}` for a new folder.
 * @throws KilnError UNAVAILABLE if the file cannot be read.
 */
export async function readEngines(dataDir: string): Promise<RecordedEngines> {
  try {
    const { temporal, mongodb } = file.parse(JSON.parse(await readFile(pathIn(dataDir), 'utf8')));
    return {
      ...(temporal && { temporal: fromStored(temporal) }),
      ...(mongodb && { mongodb: fromStored(mongodb) }),
    };
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return {};
    throw new KilnError('UNAVAILABLE', 'The engines.json of the data folder cannot be read.', {
      cause,
      hint: 'It says which engine wrote the data. Restore it, or use another data folder.',
    });
  }
}

/** The record of a data folder while its engines start. */
export interface EngineRecord {
  /** The engines as they were recorded when this record was opened. */
  readonly known: RecordedEngines;
  /**
   * Writes the given engines to disk and leaves the others as they are. To be called once an engine has
   * written data.
   */
  remember(started: RecordedEngines): void;
}

/** Opens the record of a data folder. @throws KilnError UNAVAILABLE if it cannot be read. */
export async function openEngineRecord(dataDir: string): Promise<EngineRecord> {
  const known = await readEngines(dataDir);
  let current = known;
  return {
    known,
    // Synchronous, since two engines start at a time; renamed, so that the file is whole or unchanged.
    remember(started) {
      current = { ...current, ...started };
      const { temporal, mongodb } = current;
      const content = {
        ...(temporal && { temporal: toStored(temporal) }),
        ...(mongodb && { mongodb: toStored(mongodb) }),
      };
      const path = pathIn(dataDir);
      writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
  };
}

function fromStored<T extends { rung: string }>({ rung, ...rest }: T) {
  return { provider: rung, ...rest };
}

function toStored<T extends RecordedEngine>({ provider, ...rest }: T) {
  return { rung: provider, ...rest };
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'engines.json');
}
