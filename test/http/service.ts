import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createDiskBlobStore } from '../../src/blobs/disk.ts';
import { KilnError } from '../../src/domain/errors.ts';
import type { StoredFile, Upload } from '../../src/domain/files/file.ts';
import { newId } from '../../src/domain/id.ts';
import type { Job } from '../../src/domain/jobs/job.ts';
import { createHttp, type HttpOptions } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { createAuthenticate } from '../../src/operations/access/authenticate.ts';
import { createCheckRateLimit } from '../../src/operations/access/check-rate-limit.ts';
import { createCompleteUpload } from '../../src/operations/files/complete-upload.ts';
import { createFiles } from '../../src/operations/files/files.ts';
import { createReceiveUpload } from '../../src/operations/files/receive-upload.ts';
import { createUploadedFiles } from '../../src/operations/files/uploaded-files.ts';
import { createFindJobs } from '../../src/operations/jobs/find-jobs.ts';
import { createSubmitJob } from '../../src/operations/jobs/submit-job.ts';
import type { WorkflowRunner } from '../../src/operations/workflow-runner.ts';
import { hashApiKey, newApiKey } from '../../src/secrets/api-key.ts';
import { createKeyring } from '../../src/secrets/keyring.ts';
import { createLinks } from '../../src/secrets/links.ts';
import { createTokenSigner } from '../../src/secrets/signed-token.ts';
import type { AccountRepository } from '../../src/store/accounts.ts';
import type { ApiKeyRepository } from '../../src/store/api-keys.ts';
import type { FileRepository } from '../../src/store/files.ts';
import type { JobRepository } from '../../src/store/jobs.ts';
import type { UploadRepository } from '../../src/store/uploads.ts';
import type { WindowRepository } from '../../src/store/windows.ts';
import { anApiKey, defaultPlanOf, UNQUEUED } from '../support/records.ts';

/** Batches have tests of their own, on a real database. */
const UNBATCHED = {} as Pick<HttpOptions['operations'], 'submitBatch' | 'findBatch' | 'jobsOf'>;

const HOUR_MS = 3_600_000;
const UPLOAD_BYTES = 2 * 2 ** 30;

export type Service = Awaited<ReturnType<typeof startService>>;

/**
 * The real HTTP server over the real operations, disk and tokens. Only the database and the
 * workflow engine are replaced: by maps, and by a list of the wake-ups that would have been sent.
 */
export async function startService(overrides: Partial<HttpOptions> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'kiln-http-'));
  const memory = createMemory();
  const blobs = createDiskBlobStore(join(root, 'blobs'));
  const links = createLinks(createTokenSigner(createKeyring([randomBytes(32)])));
  const { jobs, uploads, runner, woken } = memory;
  const files = createUploadedFiles({ ...memory, blobs, fileMs: HOUR_MS });
  const limits = { uploadBytes: UPLOAD_BYTES, uploadMs: HOUR_MS };
  const operations = {
    authenticate: createAuthenticate({
      ...memory,
      hashApiKey,
      readGuestToken: (token) => {
        const subject = links.subjectOf('guest', token);
        return subject === 'expired' ? null : subject;
      },
      readSession: () => null,
      readLogin: async () => null,
      addressOf: () => null,
      noteUse: () => {},
    }),
    ...createCheckRateLimit({ ...memory, planOf: defaultPlanOf, addressOf: () => null }),
    submitJob: createSubmitJob({
      ...UNQUEUED,
      jobs,
      uploads,
      files,
      runner,
      limits,
      credits: { get: () => Promise.reject(new Error('What is free must not ask for credits.')) },
      planOf: defaultPlanOf,
      checkUrl: (url) => new URL(url),
      seal: () => 'sealed',
    }),
    queuePositionOf: async () => null,
    receiveUpload: createReceiveUpload({ uploads, jobs, blobs, runner }),
    completeUpload: createCompleteUpload({ uploads, files, jobs, runner, ...UNQUEUED }),
    ...UNBATCHED,
    ...createFindJobs({ jobs }),
    ...createFiles({ files, blobs }),
    links,
  };
  let url = '';
  const http = createHttp({
    operations,
    log: createLog('silent'),
    publicUrl: () => url,
    graphql: { handle: async () => new Response('graphql'), attachWebSocket: () => {} },
    checkReady: async () => {},
    limits,
    ...overrides,
  });
  const listening = await http.listen('127.0.0.1', 0);
  url = listening.url;
  return {
    ...listening,
    http,
    operations,
    links,
    memory,
    woken,
    blobs,
    /** Everything below the blob folder, half-written files included. */
    storedBlobs: async () => {
      const entries = await readdir(join(root, 'blobs'), { recursive: true, withFileTypes: true }).catch(
        () => [],
      );
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    async close() {
      await http.close(0);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** An upload intent of a guest, without a job. */
export async function newIntent(
  { memory }: Service,
  size: number,
  overrides: Partial<Upload> = {},
): Promise<Upload> {
  const upload: Upload = {
    _id: newId(),
    owner: 'guest:g',
    jobId: null,
    filename: 'hero.jpg',
    mime: 'image/jpeg',
    size,
    state: 'open',
    blobId: null,
    received: null,
    fault: null,
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR_MS),
    ...overrides,
  };
  await memory.uploads.insertIfAbsent(upload);
  return upload;
}

function createMemory() {
  const jobs = new Map<string, Job>();
  const uploads = new Map<string, Upload>();
  const files = new Map<string, StoredFile>();
  const keys = new Map<string, string>();
  const woken: string[] = [];

  function change(id: string, states: Upload['state'][], patch: Partial<Upload>): Upload | null {
    const before = uploads.get(id);
    if (!before || !states.includes(before.state)) return null;
    uploads.set(id, { ...before, ...patch });
    return before;
  }

  return {
    woken,
    /** Makes an account with one key of its own. */
    newKey(plan: string): string {
      const { apiKey, secretHash } = newApiKey('smf_live_');
      keys.set(secretHash, plan);
      return apiKey;
    },
    keys: {
      findBySecretHash: async (hash: string) => (keys.has(hash) ? anApiKey({ accountId: hash }) : null),
    } as unknown as ApiKeyRepository,
    /** Nothing is counted here; test/operations/access does that on a real database. */
    windows: { hit: async () => true } as unknown as WindowRepository,
    accounts: {
      find: async (id: string) => ({ _id: id, plan: keys.get(id) }),
    } as unknown as AccountRepository,
    jobs: {
      get: async (id: string) => jobs.get(id) ?? missing('job'),
      find: async (id: string) => jobs.get(id) ?? null,
      insertIfAbsent: async (job: Job) => jobs.set(job._id, job).size > 0,
      expectMove: async () => {},
      transition: async (id: string) => jobs.get(id) ?? missing('job'),
    } as unknown as JobRepository,
    uploads: {
      get: async (id: string) => uploads.get(id) ?? missing('upload'),
      find: async (id: string) => uploads.get(id) ?? null,
      insertIfAbsent: async (upload: Upload) => uploads.set(upload._id, upload).size > 0,
      async receive(id: string, blobId: string, received: NonNullable<Upload['received']>) {
        const before = change(id, ['open', 'received'], { state: 'received', blobId, received });
        return before ? before.blobId : ('closed' as const);
      },
      finalize: async (id: string) => change(id, ['received'], { state: 'finalized' }) !== null,
      reject: async (id: string, fault: Upload['fault']) =>
        void change(id, ['open', 'received'], { state: 'rejected', fault }),
    } as unknown as UploadRepository,
    files: {
      get: async (id: string) => files.get(id) ?? missing('file'),
      insertIfAbsent: async (file: StoredFile) => void (files.has(file._id) || files.set(file._id, file)),
    } as unknown as FileRepository,
    runner: {
      startJob: async () => {},
      uploadCompleted: async ({ jobId }: { jobId: string }) => void woken.push(jobId),
    } as unknown as WorkflowRunner,
  };
}

function missing(what: string): never {
  throw new KilnError('NOT_FOUND', `There is no such ${what}.`);
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  bytes: Buffer;
  json<T>(): T;
}

export interface Message {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
}

/** Sends a path exactly as written: fetch would tidy it up first. */
export async function send(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, body }: Message = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  const outgoing = request({ hostname, port, path, method, headers, agent: false });
  // The server may answer and close before it has read everything.
  outgoing.on('error', () => {});
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
  else body.pipe(outgoing);
  const [response] = await once(outgoing, 'response');
  const bytes = await buffer(response);
  const text = bytes.toString();
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes,
    text,
    json: () => JSON.parse(text),
  };
}
