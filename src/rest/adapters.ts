import { REST_DIALECTS, type RestDialect } from '../domain/dialect.ts';
import type { DialectAdapter } from './adapter.ts';

/**
 * The adapters of all REST dialects of the table, each loaded from `adapter.ts` in the folder named by its id.
 * A row without that file ends the start of the process with an error that names it.
 */
export const ADAPTERS: Readonly<Record<RestDialect, DialectAdapter>> = await loadAdapters();

async function loadAdapters(): Promise<Record<RestDialect, DialectAdapter>> {
  const loaded = REST_DIALECTS.map(async (dialect): Promise<[RestDialect, DialectAdapter]> => {
    const { adapter } = await import(`./${dialect}/adapter.ts`);
    return [dialect, adapter];
  });
  return Object.fromEntries(await Promise.all(loaded)) as Record<RestDialect, DialectAdapter>;
}
