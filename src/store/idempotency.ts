import type { IdempotencyRecord } from '../domain/jobs/idempotency.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';

export type IdempotencyRepository = ReturnType<typeof createIdempotencyRepository>;

/** Which key stands for which request. A record that has expired counts as none. */
export function createIdempotencyRepository({ idempotency }: Pick<Collections, 'idempotency'>) {
  return translateErrors({
    async find(id: string): Promise<IdempotencyRecord | null> {
      return idempotency.findOne({ _id: id, expiresAt: { $gt: new Date() } });
    },

    /** Writes the record unless there is one. @returns the one that counts. */
    async claim(record: IdempotencyRecord): Promise<IdempotencyRecord> {
      const { _id, ...rest } = record;
      for (;;) {
        if (await insertIfAbsent(idempotency, record)) return record;
        const standing = await idempotency.findOneAndUpdate(
          { _id, expiresAt: { $lte: new Date() } },
          { $set: rest },
          { returnDocument: 'after' },
        );
        const known = standing ?? (await idempotency.findOne({ _id }));
        if (known) return known;
      }
    },

    /** Forgets records that had expired before then. @returns how many it were. */
    async sweep(before: Date, limit: number): Promise<number> {
      const filter = { expiresAt: { $lt: before } };
      const old = await idempotency.find(filter, { projection: { _id: 1 }, limit }).toArray();
      if (old.length === 0) return 0;
      const { deletedCount } = await idempotency.deleteMany({
        ...filter,
        _id: { $in: old.map(({ _id }) => _id) },
      });
      return deletedCount;
    },
  });
}
