import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { accessSlice } from '../../src/app/access.ts';
import { joinSlices } from '../../src/app/app.ts';
import type { Upload } from '../../src/domain/files/file.ts';
import { createHttp, type HttpOptions } from '../../src/http/server.ts';
import type { WorkflowRunner } from '../../src/operations/workflow-runner.ts';
import { newApiKey } from '../../src/secrets/api-key.ts';
import { newInfrastructure } from '../support/harness/infrastructure.ts';
import { createMemory } from '../support/memory.ts';
import { anUpload } from '../support/records.ts';

export type Service = Awaited<ReturnType<typeof startService>>;

/**
 * The real HTTP server over the real slices, disk and tokens. Only the database and the workflow engine are
 * replaced: by maps, and by a list of the wake-ups that would have been sent.
 */
export async function startService(overrides: Partial<HttpOptions> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'kiln-http-'));
  const { repositories, addKey } = createMemory();
  const woken: string[] = [];
  const shared = newInfrastructure({
    repositories,
    config: { dataDir: root },
    masterKeys: [randomBytes(32)],
    runner: {
      startJob: async () => {},
      uploadCompleted: async ({ jobId }: { jobId: string }) => void woken.push(jobId),
    } as unknown as WorkflowRunner,
  });
  const access = accessSlice(shared);
  const { operations } = joinSlices(shared, access);
  const { log, blobs, links, publicUrls, config } = shared;
  const http = createHttp({
    operations,
    log,
    publicUrl: publicUrls.of,
    graphql: { handle: async () => new Response('graphql'), attachWebSocket: () => {} },
    checkReady: async () => {},
    limits: { uploadBytes: config.limits.uploadBytes },
    ...overrides,
  });
  const listening = await http.listen('127.0.0.1', 0);
  publicUrls.listenAt(listening.url);
  return {
    ...listening,
    http,
    operations,
    links,
    memory: {
      ...repositories,
      /** Makes an account with one key of its own. */
      newKey(plan: string): string {
        const { apiKey } = newApiKey('smf_live_');
        addKey(apiKey, plan);
        return apiKey;
      },
    },
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
      await access.close();
      await shared.close();
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
  const upload = anUpload({
    owner: 'guest:g',
    filename: 'hero.jpg',
    mime: 'image/jpeg',
    size,
    ...overrides,
  });
  await memory.uploads.insertIfAbsent(upload);
  return upload;
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
  const stream = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? null : body;
  if (stream) stream.pipe(outgoing);
  else outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  // Node closes the connection once an early answer has been read: to write on would be an error.
  stream?.unpipe(outgoing);
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
