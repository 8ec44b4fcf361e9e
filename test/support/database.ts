import { randomBytes } from 'node:crypto';
import type { Collection, Filter } from 'mongodb';
import { inject } from 'vitest';
import { connectMongo, type Mongo } from '../../src/store/mongo/mongo.ts';
import { recordingCollections, requireServed } from './query-shapes.ts';

/**
 * A connected database of the test file's own; `drop` leaves nothing behind.
 * Every query that the store made of it must have had an index: `drop` throws otherwise.
 */
export async function openDatabase(): Promise<Mongo & { drop(): Promise<void> }> {
  const mongo = await connectMongo(inject('mongoUri'), `kiln-test-${randomBytes(6).toString('hex')}`);
  const { collections, queries } = recordingCollections(mongo.collections);
  return {
    ...mongo,
    collections,
    async drop() {
      await mongo.db.dropDatabase();
      await mongo.close();
      requireServed(queries);
    },
  };
}

/** Removes every document, 1,000 in one call: the server that all test files share serves nobody else meanwhile. */
export async function empty<T extends { _id: string }>(collection: Collection<T>): Promise<void> {
  for (;;) {
    const found = await collection.find({}, { projection: { _id: 1 }, limit: 1000 }).toArray();
    if (found.length === 0) return;
    await collection.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>);
  }
}
