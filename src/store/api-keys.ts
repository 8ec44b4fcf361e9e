import type { ApiKey } from '../domain/access/account.ts';
import { KilnError } from '../domain/errors.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';

/** What is exchanged when a key gets a new secret. */
export type KeySecrets = Pick<
  ApiKey,
  'secretHash' | 'prefix' | 'publicKey' | 'sealedSecretKey' | 'secretSince'
>;

/** The calls that one key has made since they were last written down. */
export interface KeyUse {
  keyId: string;
  count: number;
  lastUsedAt: Date;
}

export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>;

/** Keys are looked up by the unique SHA-256 of the secret; revoked ones are not found so. */
export function createApiKeyRepository({ keys }: Pick<Collections, 'keys'>) {
  return translateErrors({
    findBySecretHash: async (secretHash: string): Promise<ApiKey | null> => {
      const key = await keys.findOne({ secretHash });
      return key && key.revokedAt === null ? key : null;
    },

    /** Revoked ones as well. */
    find: (id: string): Promise<ApiKey | null> => keys.findOne({ _id: id }),

    insertIfAbsent: (key: ApiKey) => insertIfAbsent(keys, key),

    /** Newest first. */
    list: (accountId: string): Promise<ApiKey[]> => keys.find({ accountId }, { sort: { _id: -1 } }).toArray(),

    rename: (id: string, name: string): Promise<ApiKey> =>
      changed(keys.findOneAndUpdate({ _id: id }, { $set: { name } }, { returnDocument: 'after' })),

    /** The old secret is worthless from this write on. */
    async rotate(id: string, secrets: KeySecrets): Promise<ApiKey> {
      const key = await keys.findOneAndUpdate(
        { _id: id, revokedAt: null },
        { $set: secrets },
        { returnDocument: 'after' },
      );
      if (!key) throw new KilnError('WRONG_STATE', 'The key is revoked and stays so.');
      return key;
    },

    /** The first revocation counts; a repeat changes nothing. */
    async revoke(id: string, revokedAt: Date): Promise<ApiKey> {
      await keys.updateOne({ _id: id, revokedAt: null }, { $set: { revokedAt } });
      return changed(keys.findOne({ _id: id }));
    },

    /** Writes down many calls at once. The latest time stays: processes write down what they have heard late. */
    async addUses(uses: readonly KeyUse[]): Promise<void> {
      const updates = uses.map(({ keyId, count, lastUsedAt }) => ({
        updateOne: {
          filter: { _id: keyId },
          update: { $inc: { usageCount: count }, $max: { lastUsedAt } },
        },
      }));
      await keys.bulkWrite(updates, { ordered: false });
    },
  });
}

async function changed(found: Promise<ApiKey | null>): Promise<ApiKey> {
  const key = await found;
  if (!key) throw new KilnError('NOT_FOUND', 'There is no such key.');
  return key;
}
