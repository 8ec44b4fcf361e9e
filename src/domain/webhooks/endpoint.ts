import { KilnError } from '../errors.ts';
import type { Circuit } from './circuit.ts';

/** Deliveries to a paused endpoint wait; those to a disabled one fail at once. */
export type EndpointState = 'enabled' | 'paused' | 'disabled';

/** Why an endpoint is disabled: it answered 410, or it failed for five days. */
export type DisableReason = 'gone' | 'failing';

/** One signing secret, sealed; it is opened only while a delivery is signed. */
export interface EndpointSecret {
  sealed: string;
  since: Date;
  /** When a former secret stops signing; null for the present one. */
  until: Date | null;
}

/** An address to which an account has its events sent. */
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
  /** Present until `endpoint.disabled` is emitted for its owner. */
  untold?: true;
  /** The present one first. */
  secrets: EndpointSecret[];
  circuit: Circuit;
  createdAt: Date;
  updatedAt: Date;
}

/** Endpoints per account. */
export const MAX_ENDPOINTS = 20;
/** How long a former secret signs as well. */
const ROTATION_MS = 24 * 3_600_000;
const MAX_DESCRIPTION = 200;
const MAX_URL = 2000;

/** Returns the secrets after a rotation: the new one, the present one for another 24 hours, no older one. */
export function rotated(secrets: readonly EndpointSecret[], sealed: string, now: Date): EndpointSecret[] {
  const [present] = secrets;
  const until = new Date(now.getTime() + ROTATION_MS);
  return [{ sealed, since: now, until: null }, ...(present ? [{ ...present, until }] : [])];
}

/** Returns the secrets that sign at this moment, the present one first. */
export function liveSecrets({ secrets }: Pick<Endpoint, 'secrets'>, now: Date): EndpointSecret[] {
  return secrets.filter(({ until }) => until === null || until > now);
}

/** Returns the description, trimmed. @throws KilnError INVALID_INPUT above 200 characters. */
export function requireDescription(description: string): string {
  const trimmed = description.trim();
  if (trimmed.length <= MAX_DESCRIPTION) return trimmed;
  const message = `The description may have at most ${MAX_DESCRIPTION} characters, not ${trimmed.length}.`;
  throw new KilnError('INVALID_INPUT', message, { field: 'description' });
}

/** Returns the URL. @throws KilnError INVALID_INPUT above 2,000 characters. */
export function requireShortUrl(url: string): string {
  if (url.length <= MAX_URL) return url;
  throw new KilnError('INVALID_INPUT', `The URL may have at most ${MAX_URL} characters, not ${url.length}.`, {
    field: 'url',
  });
}
