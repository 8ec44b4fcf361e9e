import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { JOB_STATUSES } from '../../../src/domain/jobs/job.ts';
import { createAccountRepository } from '../../../src/store/accounts.ts';
import { createAdmissionChecks } from '../../../src/store/admissions/admission-checks.ts';
import { createApiKeyRepository } from '../../../src/store/api-keys.ts';
import { createBatchRepository } from '../../../src/store/batches.ts';
import { createCreditRepository } from '../../../src/store/credits.ts';
import { createDeliveryRepository } from '../../../src/store/deliveries.ts';
import { createFileRepository } from '../../../src/store/files.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { createLedgerRepository } from '../../../src/store/ledger.ts';
import { createSealedSecretRepository } from '../../../src/store/sealed-secrets.ts';
import { openDatabase } from '../../support/database.ts';
import { recordingCollections, requireServed, servedBy } from '../../support/query-shapes.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

it('every list has an index, however it is narrowed and whichever way it is turned', async () => {
  const { collections, queries } = recordingCollections(database.collections);
  const silent = { publish: () => {}, invalidate: () => {} };
  const jobs = createJobRepository(collections, silent);
  const batches = createBatchRepository(collections, silent);
  const files = createFileRepository(collections);
  const deliveries = createDeliveryRepository(collections);
  const [owner, id, limit, now] = ['account:a', newId(), 10, new Date()];
  for (const bounds of [{}, { before: id }, { after: id }, { before: id, after: id }]) {
    const page = { owner, limit, ...bounds };
    await jobs.list(page);
    await jobs.list({ ...page, dialect: 'graphql' });
    for (const status of JOB_STATUSES) await jobs.list({ ...page, status });
    await batches.list(page);
    await files.list(page);
    for (const one of [{}, { endpointId: id }, { jobId: id }, { state: 'failed' as const }]) {
      await deliveries.list({ ...page, ...one });
      await deliveries.list({ ...page, ...one, since: now, until: now });
      await deliveries.list({ ...page, ...one, endpointId: id });
    }
    await createAccountRepository(collections).list({ limit, ...bounds });
    const { list } = createLedgerRepository(collections);
    await list({ accountId: 'a', limit });
    await list({ accountId: 'a', before: 5, after: 1, limit });
  }
  await createApiKeyRepository(collections).list('a');
  await batches.listDue(now, limit);
  await deliveries.listChanged({ owner, endpointId: undefined, after: { updatedAt: now, order: id }, limit });
  await deliveries.listChanged({ owner, endpointId: id, after: { updatedAt: now, order: id }, limit });
  await createCreditRepository(collections).list('', limit);
  await createAdmissionChecks(collections).listDue(now, limit);
  await createSealedSecretRepository(collections).page(null, limit);
  console.log([...queries].map(([shape, query]) => `${shape} → ${servedBy(query)}`).join('\n'));
  expect(queries.size).toBeGreaterThan(30);
  requireServed(queries);
});

it('a query without an index is noticed, and told apart by its shape', () => {
  const query = (filter: object, sort = {}) => ({
    collection: 'jobs',
    filter: filter as Record<string, unknown>,
    sort,
    limit: 1,
  });
  const served = (filter: object, sort = {}) => servedBy(query(filter, sort));
  expect(served({ owner: 'a', status: 'ready' }, { _id: -1 })).toBe('owner,status,_id');
  expect(served({ owner: 'a', _id: { $lt: 'x' } }, { _id: -1 })).toBe('owner,_id');
  expect(served({ owner: 'a' }, { updatedAt: 1 })).toBeNull();
  expect(served({ title: 'a' })).toBeNull();
  expect(served({ _id: { $gt: 'x' }, updatedAt: { $lt: new Date() } }, { _id: 1 })).toBeNull();
  expect(served({})).toBeNull();
  const unserved = new Map([['jobs: title =', query({ title: 'a' })]]);
  expect(() => requireServed(unserved)).toThrow('No index serves: jobs: title =.');
});
