import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { KilnError } from '../domain/errors.ts';

interface LoginKeysOptions {
  issuer: string;
  /** Where the keys are; unless given, the issuer's discovery document names it. */
  jwksUrl?: string | undefined;
  /** Fetches JSON through the guard. @throws KilnError UNAVAILABLE */
  fetchJson(url: string): Promise<unknown>;
  /** Receives why the keys could not be fetched; callers only learn that they could not. */
  onFailure(detail: string): void;
  now?: () => number;
}

/** Keys are fetched again after this long, so that a withdrawn one stops working. */
const FRESH_MS = 10 * 60_000;
/** How long the last keys count while the login server is away; a withdrawn one must not count for ever. */
const TRUSTED_MS = 60 * 60_000;
/** Pause between two fetches: a stranger who invents key ids must not make us flood the login server. */
const COOL_DOWN_MS = { answered: 30_000, failed: 5000 };

/** Finds public keys of a login server: fetches them when needed, keeps them, and asks again for an unknown id. */
export function createLoginKeys(options: LoginKeysOptions): JWTVerifyGetKey {
  const { now = Date.now } = options;
  let known: { find: JWTVerifyGetKey; since: number } | undefined;
  let last: { at: number; outcome: keyof typeof COOL_DOWN_MS } | undefined;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    try {
      const keys = await fetchKeys(options);
      known = { find: createLocalJWKSet(keys), since: now() };
      last = { at: now(), outcome: 'answered' };
    } catch (error) {
      last = { at: now(), outcome: 'failed' };
      options.onFailure(detailOf(error));
    }
  }

  /** Fetches the keys; callers at the same time share one request. */
  function refresh(): Promise<void> {
    if (last && now() - last.at < COOL_DOWN_MS[last.outcome]) return asking ?? Promise.resolve();
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  /** Returns the keys. @throws KilnError UNAVAILABLE if the login server is away and the last keys are too old. */
  async function trusted(): Promise<{ find: JWTVerifyGetKey }> {
    if (!known || now() - known.since > FRESH_MS) await refresh();
    if (!known || now() - known.since > TRUSTED_MS) throw away();
    return known;
  }

  return async function findKey(header, token) {
    const before = await trusted();
    try {
      return await before.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      const after = await trusted();
      if (after !== before) return after.find(header, token);
      // It may be a new key that could not be fetched, so the caller is not refused for good.
      throw last?.outcome === 'failed' ? away() : error;
    }
  };
}

const discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });

async function fetchKeys({ issuer, jwksUrl, fetchJson }: LoginKeysOptions): Promise<JSONWebKeySet> {
  const keys = await fetchJson(jwksUrl ?? (await discover(issuer, fetchJson)));
  // createLocalJWKSet refuses whatever else is wrong with them.
  return keys as JSONWebKeySet;
}

/** Returns the jwks_uri. By OpenID Connect Discovery 1.0, 4.3, the document must name exactly this issuer. */
async function discover(issuer: string, fetchJson: LoginKeysOptions['fetchJson']): Promise<string> {
  const found = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const { data } = discovery.safeParse(found);
  if (!data) throw new Error('its discovery document does not say where the keys are');
  const { issuer: named, jwks_uri: url } = data;
  if (named !== issuer) throw new Error('its discovery document names another issuer');
  if (issuer.startsWith('https:') && !url.startsWith('https:'))
    throw new Error('its keys are not behind https');
  return url;
}

function detailOf(error: unknown): string {
  const cause = error instanceof KilnError ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function away(): KilnError {
  return new KilnError('UNAVAILABLE', 'The login server does not answer, so logins cannot be checked.', {
    hint: 'Try again in a few seconds, or use an API key.',
  });
}
