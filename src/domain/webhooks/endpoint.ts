import { KilnError } from '../errors.ts';
import type { Circuit } from './circuit.ts';

/** Paused by its owner it keeps what comes; disabled it is not called any more. */
export type EndpointState = 'enabled' | 'paused' | 'disabled';

/** Why an endpoint is disabled: it said so itself (410), or it has failed for five days. */
export type DisableReason = 'gone' | 'failing';

/** One signing secret; the plain one exists only while a delivery is signed. */
export interface EndpointSecret {
  sealed: string;
  since: Date;
  /** Null for the present secret; a former one still signs until then. */
  until: Date | null;
}

/** An address that an account wants to be told at. */
export interface Endpoint {
  _id: string;
  accountId: string;
  url: string;
  /** Events and wildcards. */
  events: string[];
  description: string;
  state: EndpointState;
  /** Null unless it is disabled. */
  disabledFor: DisableReason | null;
  stateSince: Date;
  /** Present while its owner has still to be told that it was disabled. */
  untold?: true;
  /** The present one first. */
  secrets: EndpointSecret[];
  circuit: Circuit;
  createdAt: Date;
  updatedAt: Date;
}

/** An account has at most so many. */
export const MAX_ENDPOINTS = 20;
/** For so long a former secret signs as well. */
const ROTATION_MS = 24 * 3_600_000;
const MAX_DESCRIPTION = 200;
const MAX_URL = 2000;

/** The new secret signs at once, the present one for another day, an older one no more. */
export function rotated(secrets: readonly EndpointSecret[], sealed: string, now: Date): EndpointSecret[] {
  const [present] = secrets;
  const until = new Date(now.getTime() + ROTATION_MS);
  return [{ sealed, since: now, until: null }, ...(present ? [{ ...present, until }] : [])];
}

/** The secrets that sign at this moment, the present one first. */
export function liveSecrets({ secrets }: Pick<Endpoint, 'secrets'>, now: Date): EndpointSecret[] {
  return secrets.filter(({ until }) => until === null || until > now);
}

/** @throws KilnError INVALID_INPUT when it is too long to be shown. */
export function requireDescription(description: string): string {
  const trimmed = description.trim();
  if (trimmed.length <= MAX_DESCRIPTION) return trimmed;
  const message = `The description may have at most ${MAX_DESCRIPTION} characters.`;
  throw new KilnError('INVALID_INPUT', message, { field: 'description' });
}

/** @throws KilnError INVALID_INPUT when it is longer than any real address. */
export function requireShortUrl(url: string): string {
  if (url.length <= MAX_URL) return url;
  throw new KilnError('INVALID_INPUT', `The URL may have at most ${MAX_URL} characters.`, {
    field: 'url',
  });
}
