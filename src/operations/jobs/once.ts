import { createHash, createHmac } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import {
  canonicalText,
  IDEMPOTENCY_MS,
  type IdempotencyRecord,
  requireIdempotencyKey,
} from '../../domain/jobs/idempotency.ts';
import type { IdempotencyRepository } from '../../store/idempotency.ts';

/** Whoever comes second waits so long for the first one to write, and goes on in its place then. */
const TRIES = 40;
const PAUSE_MS = 50;

/** A request that may be sent several times and is to be done once. */
export interface Request {
  owner: string;
  /** The caller's own name for it; without one each call is a request of its own. */
  key: string | undefined;
  /** What is asked for: another content under the same key is refused. */
  content: object;
}

/** How a request is done. All of it may be repeated under the same id. */
export interface Doing<T> {
  /** What has come of it. Null unless all of it is written. */
  find(id: string): Promise<T | null>;
  /** Makes what is to be written, or refuses; writes nothing. */
  accept(id: string): Promise<T>;
  write(accepted: T): Promise<T>;
}

export type Once = ReturnType<typeof createOnce>;

/**
 * Does what is asked under one key once, however often and in how many processes at a time it is asked. The id
 * is chosen and written down first: whoever asks again finds what came of it, or goes on under that very id.
 */
export function createOnce({ idempotency }: { idempotency: Pick<IdempotencyRepository, 'find' | 'claim'> }) {
  async function standing<T>(id: string, { find }: Doing<T>): Promise<T | null> {
    for (let tries = 1; ; tries += 1) {
      const found = await find(id);
      if (found || tries === TRIES) return found;
      await setTimeout(PAUSE_MS);
    }
  }

  return async function once<T>(request: Request, doing: Doing<T>): Promise<T> {
    if (request.key === undefined) return doing.write(await doing.accept(newId()));
    const fresh = recordOf(request, request.key);
    let record = await idempotency.find(fresh._id);
    let accepted: T | null = null;
    if (!record) {
      // Before it is claimed: a refused request may be put right under the same key.
      accepted = await doing.accept(fresh.subjectId);
      record = await idempotency.claim(fresh);
    }
    requireSame(record, fresh);
    const isFirst = accepted !== null && record.subjectId === fresh.subjectId;
    if (accepted !== null && isFirst) return doing.write(accepted);
    return (await standing(record.subjectId, doing)) ?? doing.write(await doing.accept(record.subjectId));
  };
}

function recordOf({ owner, content }: Request, key: string): IdempotencyRecord {
  requireIdempotencyKey(key);
  return {
    _id: `${owner}:${createHash('sha256').update(key).digest('hex')}`,
    // Keyed, since what is asked for may hold a secret.
    digest: createHmac('sha256', key).update(canonicalText(content)).digest('hex'),
    subjectId: newId(),
    expiresAt: new Date(Date.now() + IDEMPOTENCY_MS),
  };
}

function requireSame({ digest }: IdempotencyRecord, fresh: IdempotencyRecord): void {
  if (digest === fresh.digest) return;
  throw new KilnError('IDEMPOTENCY_CONFLICT', 'This idempotency key was used for another request.', {
    field: 'idempotencyKey',
  });
}
