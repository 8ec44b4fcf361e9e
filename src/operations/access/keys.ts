import {
  type Actor,
  type ApiKey,
  KEY_SCOPES,
  type KeyScope,
  requireName,
  shownPrefix,
} from '../../domain/access/account.ts';
import {
  isNoWider,
  type KeyRestriction,
  parseRestriction,
  type RestrictionRequest,
} from '../../domain/access/key-restriction.ts';
import { KEY_PREFIXES, type KeyDialect } from '../../domain/dialect.ts';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import type { ApiKeyRepository, KeySecrets } from '../../store/api-keys.ts';
import { type createAccounts, requireAccountId, requireManager } from './accounts.ts';

export interface KeysPorts {
  keys: ApiKeyRepository;
  findAccount: ReturnType<typeof createAccounts>['findAccount'];
  newApiKey(prefix: string): { apiKey: string; secretHash: string };
  newKeyPair(): { publicKey: string; secretKey: string };
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
}

export interface KeyRequest {
  /** The caller's own unless given. */
  accountId?: string | undefined;
  name: string;
  dialect: KeyDialect;
  scopes: readonly KeyScope[];
  restriction: RestrictionRequest;
}

/** A key with everything about it that is never shown again. */
export interface ShownKey {
  key: ApiKey;
  apiKey: string;
  secretKey: string;
}

/** API keys: made, shown once, listed, renamed, rotated and revoked by their account or the operator. */
export function createKeys({ keys, findAccount, newApiKey, newKeyPair, seal }: KeysPorts) {
  function newSecrets(id: string, dialect: KeyDialect) {
    const { apiKey, secretHash } = newApiKey(KEY_PREFIXES[dialect]);
    const { publicKey, secretKey } = newKeyPair();
    const secrets: KeySecrets = {
      secretHash,
      publicKey,
      prefix: shownPrefix(apiKey),
      sealedSecretKey: seal(secretKey, { collection: 'keys', id, field: 'secretKey' }),
      secretSince: new Date(),
    };
    return { secrets, shown: { apiKey, secretKey } };
  }

  /** Somebody else's key looks exactly like one that does not exist. */
  async function requireKey(actor: Actor, id: string): Promise<ApiKey> {
    requireManager(actor);
    const owner = actor.kind === 'admin' ? null : requireAccountId(actor, undefined);
    const key = await keys.find(id);
    if (!key || (owner !== null && key.accountId !== owner))
      throw new KilnError('NOT_FOUND', 'There is no such key.');
    return key;
  }

  return {
    async createKey(actor: Actor, request: KeyRequest): Promise<ShownKey> {
      const account = await findAccount(requireManager(actor), request.accountId);
      const restriction = parseRestriction(request.restriction);
      const scopes = requireScopes(request.scopes);
      requireNoMore(actor, { scopes, restriction }, 'give');
      const id = newId();
      const { secrets, shown } = newSecrets(id, request.dialect);
      const key: ApiKey = {
        _id: id,
        accountId: account._id,
        name: requireName(request.name),
        dialect: request.dialect,
        scopes,
        restriction,
        createdAt: secrets.secretSince,
        revokedAt: null,
        lastUsedAt: null,
        usageCount: 0,
        ...secrets,
      };
      await keys.insertIfAbsent(key);
      return { key, ...shown };
    },

    /** Revoked ones as well, newest first. */
    async listKeys(actor: Actor, accountId?: string): Promise<ApiKey[]> {
      const { _id } = await findAccount(requireManager(actor), accountId);
      return keys.list(_id);
    },

    async renameKey(actor: Actor, id: string, name: string): Promise<ApiKey> {
      const { _id } = await requireKey(actor, id);
      return keys.rename(_id, requireName(name));
    },

    /** New secrets under the same id; the old ones, and sessions that came from them, are over. */
    async rotateKey(actor: Actor, id: string): Promise<ShownKey> {
      const key = await requireKey(actor, id);
      requireNoMore(actor, key, 'receive');
      const { _id, dialect } = key;
      const { secrets, shown } = newSecrets(_id, dialect);
      return { key: await keys.rotate(_id, secrets), ...shown };
    },

    /** For good. May be repeated. */
    async revokeKey(actor: Actor, id: string): Promise<ApiKey> {
      const { _id } = await requireKey(actor, id);
      return keys.revoke(_id, new Date());
    },
  };
}

function requireScopes(scopes: readonly KeyScope[]): KeyScope[] {
  const unique = [...new Set(scopes)];
  if (unique.length > 0) return unique;
  throw new KilnError('INVALID_INPUT', 'A key needs at least one scope.', {
    field: 'scopes',
    hint: `The scopes are ${KEY_SCOPES.join(', ')}.`,
  });
}

/**
 * Lets nobody get the secret of a key, new or rotated, that may do more than they may, or from more places.
 * @throws KilnError FORBIDDEN that names the excess.
 */
function requireNoMore(
  actor: Actor,
  { scopes, restriction }: { scopes: readonly KeyScope[]; restriction: KeyRestriction },
  verb: 'give' | 'receive',
): void {
  if (actor.kind !== 'account') return;
  const excess = scopes.find((scope) => !actor.scopes.includes(scope));
  if (excess)
    throw new KilnError('FORBIDDEN', `You cannot ${verb} the scope "${excess}", which you do not have.`, {
      field: 'scopes',
    });
  if (isNoWider(restriction, actor.restriction ?? { type: 'all' })) return;
  throw new KilnError('FORBIDDEN', `You cannot ${verb} a key that is less restricted than your own.`, {
    field: 'restriction',
    hint: 'Name addresses or domains within those of your key, or use a key without a restriction.',
  });
}
