import { access, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../system-code.ts';

/** Suffixes of SQLite's files, the database last: so a new database never finds the others of an old one. */
const COMPANIONS = ['-shm', '-wal', ''];

/** Returns the path of Temporal's database. */
export function temporalDatabase(dataDir: string): string {
  return join(dataDir, 'temporal.db');
}

/**
 * Renames a database that the given version of Temporal cannot open, so that it starts with a new one. MongoDB
 * knows which jobs are open, and the repair starts them again.
 * @returns a sentence for the operator, or undefined if there was no database.
 */
export async function setAsideTemporal(
  dataDir: string,
  writtenBy: string,
  version: string,
): Promise<string | undefined> {
  const path = temporalDatabase(dataDir);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const name = `temporal-${writtenBy}-${new Date().toISOString().replaceAll(':', '-')}.db`;
  for (const companion of COMPANIONS) {
    await rename(path + companion, join(dataDir, name) + companion).catch(unlessAbsent);
  }
  return (
    `ATTENTION: Temporal ${writtenBy} wrote its database, and that version cannot be had here. Temporal ` +
    `${version} cannot open it and starts with a new one; the old one is kept as ${name}. Jobs, batches ` +
    'and deliveries that had not ended are started again from what MongoDB knows.'
  );
}

function unlessAbsent(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
