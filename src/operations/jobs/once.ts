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

/** How often and at what pause a repeated request looks for the result of the first, before it takes over: 2 s. */
const TRIES = 40;
const PAUSE_MS = 50;

/** A request that may be sent several times and must be carried out once. */
export interface Request {
  owner: string;
  /** The idempotency key; without one each call is a request of its own. */
  key: string | undefined;
  /** The request itself: other content under the same key is IDEMPOTENCY_CONFLICT. */
  content: object;
}

/** The steps of a request. Each may be repeated under the same id. */
export interface RequestSteps<T> {
  /** Returns the result; null unless all of it is written. */
  find(id: string): Promise<T | null>;
  /** Validates the request and returns what to write; writes nothing. */
  accept(id: string): Promise<T>;
  write(accepted: T): Promise<T>;
}

export type Once = ReturnType<typeof createOnce>;

/**
 * Builds `once`, which carries out a request with an idempotency key once, in however many processes it arrives at a
 * time, and returns the same result to all. The id of the result is stored under the key first: a repeat finds the
 * result by it, or creates it under that id. @throws KilnError IDEMPOTENCY_CONFLICT.
 */
export function createOnce({ idempotency }: { idempotency: Pick<IdempotencyRepository, 'find' | 'claim'> }) {
  async function findStored<T>(id: string, { find }: RequestSteps<T>): Promise<T | null> {
    for (let tries = 1; ; tries += 1) {
      const found = await find(id);
      if (found || tries === TRIES) return found;
      await setTimeout(PAUSE_MS);
    }
  }

  return async function once<T>(request: Request, steps: RequestSteps<T>): Promise<T> {
    if (request.key === undefined) return steps.write(await steps.accept(newId()));
    const fresh = recordOf(request, request.key);
    let record = await idempotency.find(fresh._id);
    let accepted: T | null = null;
    if (!record) {
      // Before the claim: a request that is rejected may be corrected and sent with the same key.
      accepted = await steps.accept(fresh.subjectId);
      record = await idempotency.claim(fresh);
    }
    requireSame(record, fresh);
    const isFirst = accepted !== null && record.subjectId === fresh.subjectId;
    if (accepted !== null && isFirst) return steps.write(accepted);
    return (await findStored(record.subjectId, steps)) ?? steps.write(await steps.accept(record.subjectId));
  };
}

function recordOf({ owner, content }: Request, key: string): IdempotencyRecord {
  requireIdempotencyKey(key);
  return {
    _id: `${owner}:${createHash('sha256').update(key).digest('hex')}`,
    // Keyed, since the request may hold a secret.
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
