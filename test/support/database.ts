import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { connectMongo, type Mongo } from '../../src/store/mongo.ts';
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
