import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { connectMongo, type Mongo } from '../../src/store/mongo.ts';

/** A connected database of the test file's own; `drop` leaves nothing behind. */
export async function openDatabase(): Promise<Mongo & { drop(): Promise<void> }> {
  const mongo = await connectMongo(inject('mongoUri'), `kiln-test-${randomBytes(6).toString('hex')}`);
  return {
    ...mongo,
    async drop() {
      await mongo.db.dropDatabase();
      await mongo.close();
    },
  };
}
