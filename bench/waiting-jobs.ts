import { newId } from '../src/domain/id.ts';
import { createAdmissionRepository } from '../src/store/admissions/admissions.ts';
import type { Collections } from '../src/store/mongo/mongo.ts';

/** A database takes this many small documents at a time. */
const CHUNK = 1000;

/** The concurrency key of an account of which `active` jobs convert and others wait, more and more of them. */
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
    /** Lets more line up. @returns those who came. */
    async growTo(size: number): Promise<string[]> {
      const came = Array.from({ length: size - waiting }, newId);
      for (let from = 0; from < came.length; from += CHUNK)
        await admissions.enterMany({ concurrencyKey, jobIds: came.slice(from, from + CHUNK), limit: active });
      waiting = size;
      return came;
    },
  };
}

/** The same address, and the driver tells of its commands. */
export function monitored(mongoUri: string, database: string): string {
  const uri = new URL(mongoUri);
  uri.pathname = `/${database}`;
  uri.searchParams.set('monitorCommands', 'true');
  return uri.href;
}
