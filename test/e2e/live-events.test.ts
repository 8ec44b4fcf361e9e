import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createJobRepository } from '../../src/store/jobs.ts';
import { connectMongo, type Mongo } from '../../src/store/mongo/mongo.ts';
import { createSwapmyfileClient, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
} from '../support/service/kiln-process.ts';

let kiln: KilnProcess;
let mongo: Mongo;

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-live' });
  mongo = await connectMongo(kiln.run.mongoUri);
});

afterAll(async () => {
  await mongo?.close();
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

const CUTS = 20;
const EVENTS = 200;

describe('jobEvents', () => {
  it(`${CUTS} cuts of the line: nothing missed, nothing twice`, async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(32, 32);
    const { job } = await client.prepare({
      converterSlug: 'png-to-webp',
      inputFilename: 'a.png',
      inputMime: 'image/png',
      inputSize: bytes.length,
    });
    // Written by another process than the one that serves: the watcher has only the database to go by.
    const jobs = createJobRepository(mongo.collections, { publish: () => {} });
    const writing = (async () => {
      for (let i = 0; i < EVENTS; i += 1)
        await jobs.append(job.jobId, { type: 'warning', cause: `note-${i}`, message: `note ${i}` });
    })();

    const seen: number[] = [];
    for (let cut = 0; cut < CUTS; cut += 1)
      await readThenCut(job.jobId, seen, 1 + Math.floor(Math.random() * 8));
    await writing;
    await readThenCut(job.jobId, seen, EVENTS + 1 - seen.length);
    expect(seen).toEqual(Array.from({ length: EVENTS + 1 }, (_, i) => i + 1));
  });

  /** Subscribes after the last seq seen, takes `count` events, then drops the connection without a goodbye. */
  async function readThenCut(jobId: string, seen: number[], count: number): Promise<void> {
    let socket: WebSocket | undefined;
    const client = createClient({
      url: kiln.run.graphql.replace('http', 'ws'),
      connectionParams: { apiKey: kiln.credentials.apiKey },
      retryAttempts: 0,
      webSocketImpl: class extends WebSocket {
        constructor(...args: ConstructorParameters<typeof WebSocket>) {
          super(...args);
          socket = this;
        }
      },
    });
    const query =
      'subscription($jobId: ID!, $after: Int!) { jobEvents(jobId: $jobId, after: $after) { seq } }';
    const events = client.iterate<{ jobEvents: { seq: number | null } }>({
      query,
      variables: { jobId, after: seen.at(-1) ?? 0 },
    });
    let left = count;
    try {
      for await (const { data, errors } of events) {
        if (errors) throw new Error(JSON.stringify(errors));
        const seq = data?.jobEvents.seq;
        if (typeof seq !== 'number') continue;
        seen.push(seq);
        left -= 1;
        if (left === 0) break;
      }
    } finally {
      socket?.terminate();
    }
    expect(left).toBe(0);
  }
});
