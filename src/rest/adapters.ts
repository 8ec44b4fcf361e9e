import { REST_DIALECTS, type RestDialect } from '../domain/dialect.ts';
import type { DialectAdapter } from './adapter.ts';

/**
 * The adapter of each REST dialect in the table, loaded from `adapter.ts` in the folder that has its id.
 * Nothing lists them: a row without a folder ends the start of the process with the name of that file.
 */
export const ADAPTERS: Readonly<Record<RestDialect, DialectAdapter>> = await loadAdapters();

async function loadAdapters(): Promise<Record<RestDialect, DialectAdapter>> {
  const loaded = REST_DIALECTS.map(async (dialect): Promise<[RestDialect, DialectAdapter]> => {
    const { adapter } = await import(`./${dialect}/adapter.ts`);
    return [dialect, adapter];
  });
  return Object.fromEntries(await Promise.all(loaded)) as Record<RestDialect, DialectAdapter>;
}
