import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MongoClient, type MongoServerError } from 'mongodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startEmbedded } from '../../../src/embedded/embedded.ts';
import { javaMongoArguments, provideJavaMongo } from '../../../src/embedded/mongodb/java-mongo.ts';
import { cacheDir, realEngines, recordedEngines } from '../engines.ts';
import { isAlive, temporaryFolder, until, withoutPrograms } from '../stand-ins.ts';

const WRITERS = 50;
const DOCUMENTS = 20_000;

interface Counter {
  _id: string;
  n: number;
  status: string;
}

/** mongo-java-server even where there is a mongod. */
async function startJava(dataDir: string) {
  await withoutPrograms('mongod');
  const sources = { mongodMirror: 'http://127.0.0.1:9' };
  return startEmbedded(realEngines(dataDir, { needTemporal: false, sources }));
}

describe('mongo-java-server under our launcher', () => {
  it('loses no acknowledged write to kill -9 under 50 parallel writers', async () => {
    const dataDir = await temporaryFolder();
    const embedded = await startJava(dataDir);
    const acknowledged = new Map<string, number>();
    const client = await new MongoClient(embedded.mongoUri ?? '', { maxPoolSize: WRITERS }).connect();
    const collection = client.db().collection<Counter>('counters');
    const write = async (writer: number) => {
      for (let i = 0; ; i++) {
        const _id = `${writer}-${i % 40}`;
        await collection.updateOne({ _id }, { $inc: { n: 1 }, $set: { status: 'x' } }, { upsert: true });
        acknowledged.set(_id, (acknowledged.get(_id) ?? 0) + 1);
      }
    };
    const writers = Promise.allSettled(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const [engine] = recordedEngines(dataDir);
    process.kill(engine?.pid ?? 0, 'SIGKILL');
    await until(() => !isAlive(engine?.pid ?? 0));
    // What is still waiting for a server would only wait longer.
    await client.close(true);
    await writers;
    await embedded.stop();

    const restarted = await startJava(dataDir);
    await using reader = await new MongoClient(restarted.mongoUri ?? '').connect();
    const found = new Map<string, number>();
    for await (const { _id, n } of reader.db().collection<Counter>('counters').find()) found.set(_id, n);
    const total = [...acknowledged.values()].reduce((sum, n) => sum + n, 0);
    const lost = [...acknowledged].reduce((sum, [id, n]) => sum + Math.max(0, n - (found.get(id) ?? 0)), 0);
    process.stdout.write(`kill -9 under ${WRITERS} writers: ${lost} of ${total} acknowledged writes lost\n`);
    expect(total).toBeGreaterThan(WRITERS);
    expect(lost).toBe(0);
    await reader.close();
    await restarted.stop();
  });

  it('finds a document by _id or a unique key among 20,000, whatever else the filter says', async () => {
    const embedded = await startJava(await temporaryFolder());
    const client = await new MongoClient(embedded.mongoUri ?? '').connect();
    const collection = client.db().collection<Counter & { key: string }>('many');
    await collection.createIndex({ key: 1 }, { unique: true });
    const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
      _id: `d${i}`,
      key: `k${i}`,
      n: 0,
      status: 'queued',
    }));
    await collection.insertMany(documents);
    const timed = async (filter: object) => {
      const times: number[] = [];
      for (let i = 0; i < 21; i++) {
        const began = performance.now();
        const { matchedCount } = await collection.updateOne(filter, { $inc: { n: 1 } });
        times.push(performance.now() - began);
        expect(matchedCount).toBe(1);
      }
      return times.sort((a, b) => a - b)[10] ?? 0;
    };
    const byId = await timed({ _id: 'd19990', status: { $in: ['queued', 'processing'] } });
    const byIdIn = await timed({ _id: { $in: ['d19991', 'none'] }, status: 'queued' });
    const byKey = await timed({ key: 'k19992', status: 'queued' });
    const scanned = await timed({ key: { $gte: 'k19993', $lte: 'k19993' }, status: 'queued' });
    const ms = (time: number) => `${time.toFixed(2)} ms`;
    process.stdout.write(
      `conditional update: ${ms(byId)} by _id, ${ms(byKey)} by unique key, ${ms(scanned)} scanned\n`,
    );
    for (const time of [byId, byIdIn, byKey]) expect(time).toBeLessThan(scanned / 2);

    const mismatch = { _id: 'd19990', status: 'failed' };
    expect((await collection.updateOne(mismatch, { $inc: { n: 1 } })).matchedCount).toBe(0);
    const crossed = { _id: 'd19990', key: 'k19991' };
    expect(await collection.findOne(crossed)).toBeNull();
    const twice = await collection
      .insertOne({ _id: 'new', key: 'k1', n: 0, status: 'queued' })
      .catch((error) => error);
    expect((twice as MongoServerError).code).toBe(11000);
    await client.close();
    await embedded.stop();
  });

  it('answers with the document as one write has left it, however many write meanwhile', async () => {
    const embedded = await startJava(await temporaryFolder());
    const client = await new MongoClient(embedded.mongoUri ?? '').connect();
    const collection = client.db().collection<Counter & { list: number[]; m: number }>('shared');
    await collection.insertOne({ _id: 'one', n: 0, list: [], m: 0, status: 'x' });
    const [answered, torn] = [new Set<number>(), new Set<string>()];
    const write = async () => {
      for (let i = 0; i < 40; i++) {
        const after = await collection.findOneAndUpdate(
          { _id: 'one' },
          { $inc: { n: 1, m: 1 }, $push: { list: { $each: [i], $slice: -400 } } },
          { returnDocument: 'after' },
        );
        answered.add(after?.n ?? -1);
      }
    };
    const read = async () => {
      for (let i = 0; i < 60; i++) {
        const found = await collection.findOne({ _id: 'one' });
        if (found === null || found.n !== found.m) torn.add(`${found?.n} and ${found?.m}`);
      }
    };
    await Promise.all([...Array.from({ length: 20 }, write), ...Array.from({ length: 20 }, read)]);
    process.stdout.write(
      `800 updates of one document: ${answered.size} answers of their own, ${torn.size} torn reads\n`,
    );
    expect(answered.size).toBe(800);
    expect([...torn]).toEqual([]);
    await client.close();
    await embedded.stop();
  });

  it('ends when its standard input closes, so that it cannot outlive its owner', async () => {
    const classPath = await provideJavaMongo(cacheDir, () => {});
    const file = join(await temporaryFolder(), 'data.mv');
    const server = spawn('java', javaMongoArguments(classPath, 0, file), {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void server.kill('SIGKILL'));
    const [line] = await once(server.stdout, 'data');
    expect(String(line)).toMatch(/^READY \d+\n$/);
    server.stdin.end();
    expect(await once(server, 'exit')).toEqual([0, null]);
  });
});
