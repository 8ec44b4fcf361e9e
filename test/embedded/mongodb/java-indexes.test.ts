import { type Collection, MongoClient } from 'mongodb';
import { expect, it } from 'vitest';
import { startEmbedded } from '../../../src/embedded/embedded.ts';
import { seedOf } from '../../support/seeded-random.ts';
import { realEngines } from '../engines.ts';
import { temporaryFolder, withoutPrograms } from '../stand-ins.ts';
import { change, type Doc, randomly } from './random-documents.ts';

const ROUNDS = 5;
const STEPS = 150;
const QUESTIONS = 200;
const MANY = 20_000;

const INDEXES = [
  [{ due: 1 }, { sparse: true }],
  [{ due: 1, _id: 1 }, {}],
  [{ state: 1, due: 1 }, {}],
  [{ state: 1, order: 1, _id: 1 }, {}],
  [{ 'list.n': 1 }, {}],
  [{ list: 1, due: 1 }, {}],
] as const;

/** mongo-java-server even where there is a mongod. */
async function startJava(dataDir: string) {
  await withoutPrograms('mongod');
  return startEmbedded(
    realEngines(dataDir, { needTemporal: false, sources: { mongodMirror: 'http://127.0.0.1:9' } }),
  );
}

/** Returns the outcome of a call: its value, or that it threw. */
const outcome = (call: Promise<unknown>) => call.then(JSON.stringify, (error) => `threw ${error.code}`);

/** As many indexes from the beginning as are made later, of what is there by then. */
const newIndexes = (round: number) => [INDEXES.slice(0, 3), INDEXES.slice(3)][round] ?? [];

/** Changes and asks both collections alike. @returns how many questions found something, and where they differ. */
async function playRound(client: MongoClient, make: ReturnType<typeof randomly>, round: number) {
  // The same documents twice: `plain` has no index but that of _id.
  const indexed = client.db().collection<Doc>('indexed');
  const plain = client.db().collection<Doc>('plain');
  const differences: string[] = [];
  let found = 0;
  async function compare(call: (docs: Collection<Doc>) => Promise<unknown>, what: unknown): Promise<void> {
    const [given, wanted] = await Promise.all([outcome(call(indexed)), outcome(call(plain))]);
    if (given !== wanted)
      differences.push(`round ${round}: ${JSON.stringify(what)}: ${given}, not ${wanted}`);
    if (wanted !== '[]') found++;
  }
  for (const [key, options] of newIndexes(round)) await indexed.createIndex(key, options);
  for (let step = 0; step < STEPS; step++) {
    // In the last two rounds there are values that no index orders; they come and go.
    const one = change(make, round >= ROUNDS - 2);
    await compare(one, `${one}`);
  }
  await compare((docs) => docs.find().sort({ _id: 1 }).toArray(), 'everything');
  found = 0;
  for (let asked = 0; asked < QUESTIONS; asked++) {
    const { filter, sort } = make.question();
    const limit = make.random.pick([0, 1, 5]);
    const what = { filter, sort, limit };
    await compare((docs) => docs.find(filter).sort(sort).limit(limit).toArray(), what);
    await compare((docs) => docs.distinct('_id', filter), filter);
    await compare((docs) => docs.find(filter).toArray(), filter);
  }
  return { found, differences };
}

it('an index finds what reading everything finds, whatever was changed and across restarts', async () => {
  const seed = seedOf();
  const make = randomly(seed);
  const dataDir = await temporaryFolder();
  const differences: string[] = [];
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const embedded = await startJava(dataDir);
    const client = await new MongoClient(embedded.mongoUri ?? '').connect();
    const played = await playRound(client, make, round);
    found += played.found;
    differences.push(...played.differences);
    await client.close();
    await embedded.stop();
  }
  const asked = ROUNDS * QUESTIONS * 3;
  console.log(`seed ${seed}: ${found} of ${asked} answers were not empty, ${differences.length} differ`);
  expect(differences.slice(0, 3)).toEqual([]);
  expect(found).toBeGreaterThan(asked / 5);
}, 240_000);

it('finds the few that are due among 20,000 without reading the others', async () => {
  const embedded = await startJava(await temporaryFolder());
  const client = await new MongoClient(embedded.mongoUri ?? '').connect();
  const docs = client.db().collection<Doc & { n: number }>('many');
  await docs.createIndex({ due: 1 }, { sparse: true });
  await docs.createIndex({ state: 1, due: 1 });
  const now = new Date();
  const later = new Date(now.getTime() + 3_600_000);
  const all = Array.from({ length: MANY }, (_, n) => ({
    _id: `d${n}`,
    n,
    state: 'open',
    due: n < 3 ? now : later,
  }));
  for (let from = 0; from < MANY; from += 1000) await docs.insertMany(all.slice(from, from + 1000));
  const timed = async (filter: object) => {
    const times: number[] = [];
    for (let i = 0; i < 11; i++) {
      const began = performance.now();
      const first = await docs.find(filter).sort({ due: 1 }).limit(100).toArray();
      times.push(performance.now() - began);
      expect(first.map(({ _id }) => _id).sort()).toEqual(['d0', 'd1', 'd2']);
    }
    return times.sort((a, b) => a - b)[5] ?? 0;
  };
  const due = await timed({ due: { $lte: now } });
  const dueOfState = await timed({ state: 'open', due: { $lte: now } });
  const read = await timed({ n: { $lt: 3 } });
  const ms = (time: number) => `${time.toFixed(1)} ms`;
  console.log(`due of ${MANY}: ${ms(due)}, of a state ${ms(dueOfState)}; by reading all ${ms(read)}`);
  expect(due).toBeLessThan(read / 2);
  expect(dueOfState).toBeLessThan(read / 2);
  await client.close();
  await embedded.stop();
});
