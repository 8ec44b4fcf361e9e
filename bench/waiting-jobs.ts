import { newId } from '../src/domain/id.ts';
import { createAdmissionRepository } from '../src/store/admissions/admissions.ts';
import type { Collections } from '../src/store/mongo/mongo.ts';

/** Documents of one insert. */
const CHUNK = 1000;

/** Makes an account of which `active` jobs convert and a growing number waits. */
export async function crowdedAdmission(
  collections: Pick<Collections, 'admissions' | 'waiters'>,
  active: number,
) {
  const concurrencyKey = `account:${newId()}`;
  const admissions = createAdmissionRepository(collections);
  const converting = Array.from({ length: active }, newId);
  for (const jobId of converting)
    await admissions.enter({ concurrencyKey, jobId, batch: false, limit: active });
  let waiting = 0;
  return {
    concurrencyKey,
    admissions,
    converting,
    /** Adds waiting jobs. @returns the ids of the new ones. */
    async growTo(size: number): Promise<string[]> {
      const came = Array.from({ length: size - waiting }, newId);
      for (let from = 0; from < came.length; from += CHUNK)
        await admissions.enterMany({ concurrencyKey, jobIds: came.slice(from, from + CHUNK), limit: active });
      waiting = size;
      return came;
    },
  };
}

/** Returns the URI of a database with the driver's command monitoring on. */
export function monitored(mongoUri: string, database: string): string {
  const uri = new URL(mongoUri);
  uri.pathname = `/${database}`;
  uri.searchParams.set('monitorCommands', 'true');
  return uri.href;
}
