import type { ApiKey } from '../domain/account.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>;

/** Keys are looked up by the unique SHA-256 of the secret; revoked ones are not found. */
export function createApiKeyRepository({ keys }: Pick<Collections, 'keys'>) {
  return translateFaults({
    findBySecretHash: async (secretHash: string): Promise<ApiKey | null> => {
      const key = await keys.findOne({ secretHash });
      return key && key.revokedAt === null ? key : null;
    },
    insertIfAbsent: (key: ApiKey) => insertIfAbsent(keys, key),
  });
}
