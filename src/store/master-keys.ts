import type { MasterKeyRecord } from '../domain/access/master-key.ts';
import { isDuplicateKey } from './mongo/driver-errors.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

export type MasterKeyRepository = ReturnType<typeof createMasterKeyRepository>;

/** Which master keys are and were in use, and until when. */
export function createMasterKeyRepository({ masterKeys }: Pick<Collections, 'masterKeys'>) {
  return translateErrors({
    list: (): Promise<MasterKeyRecord[]> => masterKeys.find().toArray(),

    /** Keeps the latest time, whichever process writes last. */
    async noteInFront(id: string, at: Date): Promise<void> {
      const write = () =>
        masterKeys.updateOne(
          { _id: id },
          { $max: { lastInFrontAt: at }, $setOnInsert: { since: at } },
          { upsert: true },
        );
      // Of two processes that start together only one inserts; the other one's record is there on a repeat.
      await write().catch((error: unknown) => {
        if (!isDuplicateKey(error)) throw error;
        return write();
      });
    },
  });
}
