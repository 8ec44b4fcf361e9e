import type { Actor } from '../../domain/access/account.ts';
import type { Log } from '../../log.ts';
import type { MasterKeyRepository } from '../../store/master-keys.ts';
import type { SealedSecretRepository, StoredSecret } from '../../store/sealed-secrets.ts';
import { requireAdmin } from './accounts.ts';

type Binding = StoredSecret['binding'];

export interface SecretsPorts {
  sealed: SealedSecretRepository;
  masterKeys: MasterKeyRepository;
  sealer: {
    seal(plain: string, binding: Binding): string;
    open(envelope: string, binding: Binding): string;
    keyIdOf(envelope: string): string;
  };
  /** The master keys of this process, newest first. */
  keyIds: readonly string[];
  /** No link, token or session lives longer. */
  longestTokenMs: number;
  log: Pick<Log, 'warn'>;
  now?: () => number;
}

/** A master key, as far as it may be told. */
export interface MasterKeyReport {
  keyId: string;
  /** It signs and seals. */
  inFront: boolean;
  /** False when something is sealed under it, but it is not there. */
  available: boolean;
  /** Stored secrets that it alone opens. */
  sealed: number;
  /** When the last link or token that it may have signed is over; null while it is in front. */
  idleFrom: Date | null;
  /** Whether nothing needs it any more. */
  removable: boolean;
}

/** What one page of a rotation came to. */
export interface RotatedPage {
  resealed: number;
  /** Secrets that no master key opens; they stay as they are. */
  unreadable: number;
  /** Where to go on; null when all secrets were looked at. */
  next: string | null;
}

const PAGE = 500;
/** How often a process says which master key it has in front. */
const NOTE_EVERY_MS = 5 * 60_000;

/** The master keys and what is sealed under them; for the operator. */
export function createSecrets(ports: SecretsPorts) {
  const { sealed, sealer, masterKeys, keyIds, longestTokenMs, now = Date.now } = ports;
  const [front = ''] = keyIds;

  async function countByKey(): Promise<Map<string, number>> {
    const counts = new Map(keyIds.map((id) => [id, 0]));
    let next: string | null = null;
    do {
      const page = await sealed.page(next, PAGE);
      for (const { envelope } of page.secrets) {
        const id = sealer.keyIdOf(envelope);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      next = page.next;
    } while (next !== null);
    return counts;
  }

  /** Null when it could not be opened, false when somebody else was faster. */
  async function reseal(secret: StoredSecret): Promise<boolean | null> {
    let plain: string;
    try {
      plain = sealer.open(secret.envelope, secret.binding);
    } catch {
      return null;
    }
    return sealed.replace(secret, sealer.seal(plain, secret.binding));
  }

  return {
    /** Seals the next page of old secrets under the newest key; may be repeated, by several at once. */
    async rotateSecrets(actor: Actor, after: string | null): Promise<RotatedPage> {
      requireAdmin(actor);
      const { secrets, next } = await sealed.page(after, PAGE);
      const old = secrets.filter(({ envelope }) => sealer.keyIdOf(envelope) !== front);
      const outcomes: (boolean | null)[] = [];
      for (const secret of old) outcomes.push(await reseal(secret));
      return {
        resealed: outcomes.filter((outcome) => outcome === true).length,
        unreadable: outcomes.filter((outcome) => outcome === null).length,
        next,
      };
    },

    async reportSecrets(actor: Actor): Promise<MasterKeyReport[]> {
      requireAdmin(actor);
      const [counts, records] = [await countByKey(), await masterKeys.list()];
      const known = new Map(records.map((record) => [record._id, record]));
      const inFrontSince = known.get(front)?.since.getTime() ?? now();
      return [...counts].map(([keyId, count]) => {
        const lastInFront = known.get(keyId)?.lastInFrontAt.getTime();
        // A key from before there were such notes was in front until the present one came.
        const idleAt =
          (lastInFront === undefined ? inFrontSince : lastInFront + NOTE_EVERY_MS) + longestTokenMs;
        const inFront = keyId === front;
        const available = keyIds.includes(keyId);
        const idleFrom = inFront ? null : new Date(idleAt);
        const removable = !inFront && available && count === 0 && now() >= idleAt;
        return { keyId, inFront, available, sealed: count, idleFrom, removable };
      });
    },
  };
}

/** Notes from time to time which key this process has in front, so that it is known when an old one was last used. */
export async function watchMasterKey({
  masterKeys,
  keyIds,
  log,
  now = Date.now,
}: Pick<SecretsPorts, 'masterKeys' | 'keyIds' | 'log' | 'now'>): Promise<() => void> {
  const [front = ''] = keyIds;
  const note = () => masterKeys.noteInFront(front, new Date(now()));
  await note();
  const timer = setInterval(() => {
    note().catch((error: unknown) =>
      log.warn(
        { error: String(error) },
        'the master key in use could not be noted; the next round tries again',
      ),
    );
  }, NOTE_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
