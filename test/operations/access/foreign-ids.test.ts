import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBatch } from '../../../src/domain/batches/batch.ts';
import { newId } from '../../../src/domain/id.ts';
import { createCancelBatch } from '../../../src/operations/batches/cancel-batch.ts';
import { createFindBatches } from '../../../src/operations/batches/find-batches.ts';
import { createSubmitBatch } from '../../../src/operations/batches/submit-batch.ts';
import { createCredits } from '../../../src/operations/credits/credits.ts';
import { createQuote } from '../../../src/operations/credits/quote.ts';
import { createCompleteUpload } from '../../../src/operations/files/complete-upload.ts';
import { createFiles } from '../../../src/operations/files/files.ts';
import { createUploadedFiles } from '../../../src/operations/files/uploaded-files.ts';
import { createCancelJob } from '../../../src/operations/jobs/cancel-job.ts';
import { createFindJobs } from '../../../src/operations/jobs/find-jobs.ts';
import { createRetry } from '../../../src/operations/jobs/retry.ts';
import { createSubmitJob } from '../../../src/operations/jobs/submit-job.ts';
import { createBatchRepository } from '../../../src/store/batches.ts';
import { createCreditRepository } from '../../../src/store/credits.ts';
import { createFileRepository } from '../../../src/store/files.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { createLedgerRepository } from '../../../src/store/ledger.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { type Service, send, startService } from '../../http/service.ts';
import { createApi } from '../../schema/client.ts';
import { createService } from '../../schema/service.ts';
import { type AccessHarness, openAccessHarness } from '../../support/harness/access-harness.ts';
import { aFile, aJob, anUpload, UNQUEUED } from '../../support/records.ts';

let harness: AccessHarness;
let base: Service;
let service: Service;
let api: ReturnType<typeof createApi>;
/** Who tries the ids of somebody else. */
let headers: Record<string, string>;
/** What somebody else owns, by the kind of thing. */
const theirs: Record<Kind, string> = { batch: '', account: '', key: '', job: '', upload: '', file: '' };

type Kind = 'batch' | 'account' | 'key' | 'job' | 'upload' | 'file';

/** Both APIs over the real operations and one real database. */
beforeAll(async () => {
  harness = await openAccessHarness();
  base = await startService();
  const { collections } = harness.database;
  const uploads = createUploadRepository(collections);
  const blobs = { size: async () => 10, read: async () => Readable.from([]) };
  const repositories = {
    jobs: createJobRepository(collections, { publish: () => {} }),
    uploads,
    files: createUploadedFiles({ files: createFileRepository(collections), uploads, blobs, fileMs: 1000 }),
    batches: createBatchRepository(collections, { publish: () => {}, invalidate: () => {} }),
    credits: createCreditRepository(collections),
    ledger: createLedgerRepository(collections),
  };
  const runner = {
    startJob: async () => {},
    uploadCompleted: async () => {},
    cancelJob: async () => {},
    startBatch: async () => {},
    signalBatch: async () => {},
    ping: async () => {},
  };
  const finding = { ...createFindJobs(repositories), ...createFindBatches(repositories) };
  const submission = {
    ...repositories,
    ...UNQUEUED,
    runner,
    limits: { uploadBytes: 1000, uploadMs: 1000 },
    planOf: harness.operations.planOf,
    checkUrl: () => {},
    seal: () => 'sealed',
  };
  const submitting = { submitJob: createSubmitJob(submission), submitBatch: createSubmitBatch(submission) };
  const real = {
    ...harness.operations,
    ...finding,
    ...createFiles({ ...repositories, blobs }),
    ...createCredits({ ...repositories, noteGranted: async () => {} }),
    quote: createQuote(repositories),
    completeUpload: createCompleteUpload({ ...repositories, ...UNQUEUED, runner }),
    cancelJob: createCancelJob({ ...repositories, ...finding, runner }),
    cancelBatch: createCancelBatch({ ...repositories, ...finding, runner }),
    ...submitting,
    ...createRetry({ ...repositories, ...finding, ...submitting, open: () => '' }),
    links: harness.links,
  };
  api = createApi({ ...createService().operations, ...real });
  service = await startService({ operations: { ...base.operations, ...real } });
  await own(collections);
  headers = { 'X-API-Key': (await harness.newKey(await harness.newAccount())).apiKey };
});
afterAll(async () => {
  await service.close();
  await base.close();
  await harness.close();
});

async function own({
  jobs,
  uploads,
  files,
  batches,
}: AccessHarness['database']['collections']): Promise<void> {
  const account = await harness.newAccount();
  const owner = `account:${account._id}`;
  const received = { size: 10, sha256: '0'.repeat(64) };
  const job = aJob({ owner, dialect: 'swapmyfile' });
  const upload = anUpload({ owner, jobId: job._id, state: 'received', blobId: 'blob', received });
  const file = aFile({ owner, format: 'png' });
  await jobs.insertOne(job);
  await uploads.insertOne(upload);
  await files.insertOne(file);
  const fields = { dialect: 'swapmyfile', label: null, retryOf: null, wantsArchive: false } as const;
  const batch = newBatch({ _id: newId(), owner, jobIds: [job._id], ...fields });
  await batches.insertOne(batch);
  const { key } = await harness.newKey(account);
  const ids = {
    batch: batch._id,
    account: account._id,
    key: key._id,
    job: job._id,
    upload: upload._id,
    file: file._id,
  };
  Object.assign(theirs, ids);
}

/** Every field of GraphQL that takes an id, and what is asked of it. */
const FIELDS: [Kind, field: string, selection?: string][] = [
  ['job', 'job(id: $id)', '{ status }'],
  ['job', 'completeJob(id: $id)'],
  ['job', 'cancelJob(id: $id)'],
  ['job', 'retryJob(id: $id)'],
  ['batch', 'batch(id: $id)', '{ status }'],
  ['batch', 'cancelBatch(id: $id)'],
  ['batch', 'retryBatch(id: $id)'],
  ['upload', 'completeUpload(id: $id)'],
  ['file', 'file(id: $id)', '{ size }'],
  ['file', 'quote(input: { fileId: $id, target: "webp" })', '{ ceiling }'],
  ['file', 'createJob(input: { fileId: $id, target: "webp" })'],
  ['file', 'createBatch(input: { jobs: [{ fileId: $id, target: "webp" }] })'],
  ['account', 'account(id: $id)', '{ name available }'],
  ['account', 'account(id: $id)', '{ keys { name } }'],
  ['account', 'account(id: $id)', '{ ledger { edges { node { seq } } } }'],
  ['account', 'renameAccount(id: $id, name: "Mine")'],
  ['account', 'setAccountPlan(id: $id, plan: "free")'],
  ['account', 'grantCredits(input: { accountId: $id, amount: 5 })'],
  ['account', 'createApiKey(input: { accountId: $id, name: "x" })'],
  ['key', 'renameApiKey(id: $id, name: "x")'],
  ['key', 'rotateApiKey(id: $id)'],
  ['key', 'revokeApiKey(id: $id)'],
];

/** Mutations tell their refusals as members of the result. */
function documentOf(field: string, selection: string | undefined): string {
  const refusal = '{ __typename ... on Error { code message field hint } }';
  return `${selection ? 'query' : 'mutation'} ($id: ID!) { ${field} ${selection ?? refusal} }`;
}

describe('an id of somebody else', () => {
  it.each(FIELDS)('of kind %s is answered like an unknown one by %s', async (kind, field, selection) => {
    const query = documentOf(field, selection);
    for (const credential of [headers, {}]) {
      const ask = async (id: string) => JSON.stringify(await api.ask(query, { id }, credential));
      const foreign = await ask(theirs[kind]);
      expect(foreign).toBe(await ask(newId()));
      expect(foreign).toMatch(/NOT_FOUND|FORBIDDEN|UNAUTHENTICATED/);
      expect(foreign).not.toContain(theirs[kind]);
    }
  });

  it.each(['job', 'batch', 'file'] as const)(
    'of kind %s is null as a node, like an unknown one',
    async (kind) => {
      const typename = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
      const ask = (id: string) =>
        api.ask(
          'query ($id: ID!) { node(id: $id) { __typename } nodes(ids: [$id]) { __typename } }',
          { id: Buffer.from(`${typename}:${id}`).toString('base64') },
          headers,
        );
      expect(await ask(theirs[kind])).toEqual({ data: { node: null, nodes: [null] } });
      expect(await ask(theirs[kind])).toEqual(await ask(newId()));
    },
  );

  it('is answered by SwapMyFile like an unknown one, with a key, a guest token or the token of another job', async () => {
    const own = harness.links.statusToken(aJob());
    const credentials: [Record<string, string>, string][] = [
      [headers, ''],
      [{ Authorization: `Bearer ${harness.links.guestToken(newId())}` }, ''],
      [{}, `?token=${own}`],
      [{}, ''],
    ];
    for (const [credential, query] of credentials) {
      const get = async (path: string) => {
        const { status, text } = await send(service.url, `${path}${query}`, { headers: credential });
        return `${status} ${text}`;
      };
      for (const [kind, path] of [
        ['job', '/jobs'],
        ['batch', '/job-batches'],
      ] as const) {
        const foreign = await get(`${path}/${theirs[kind]}`);
        expect(foreign).toBe(await get(`${path}/${newId()}`));
        expect(foreign).toMatch(/^(404 .*NOT_FOUND|401 .*UNAUTHENTICATED|403 .*FORBIDDEN)/);
      }
    }
  });

  it('changed nothing', async () => {
    const { jobs, uploads, keys, accounts } = harness.database.collections;
    expect(await jobs.findOne({ _id: theirs.job })).toMatchObject({ status: 'awaiting_upload', seq: 1 });
    expect(await uploads.findOne({ _id: theirs.upload })).toMatchObject({ state: 'received' });
    expect(await keys.findOne({ _id: theirs.key })).toMatchObject({ name: 'Test', revokedAt: null });
    expect(await keys.countDocuments({ accountId: theirs.account })).toBe(1);
    expect(await accounts.findOne({ _id: theirs.account })).toMatchObject({ name: 'Test', plan: 'pro' });
  });
});
