import type { IncomingMessage } from 'node:http';
import type { Sender } from '../domain/access/client-address.ts';
import { type CredentialLocations, DIALECTS } from '../domain/dialect.ts';
import type { Credential } from '../operations/access/authenticate.ts';

/** The form of every token that Kiln signs: key id, payload, signature. No API key looks like it. */
const SIGNED_TOKEN = /^[0-9a-f]{8}\.[\w-]+\.[\w-]+$/;

/** A JSON Web Token begins with a JSON object; a key id of ours never begins with these letters. */
const JWT = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;

/**
 * Returns the caller's credential from the places that an API has for it. Returns something unusable as a key,
 * so that it is refused instead of passing for no credential.
 */
export function credentialOf(
  headers: { get(name: string): string | null | undefined },
  locations: CredentialLocations = DIALECTS.graphql.credentials,
  url?: string,
): Credential {
  for (const name of locations.headers) {
    const value = headers.get(name);
    if (typeof value === 'string')
      return name === 'Authorization' ? bearerOf(value) : { kind: 'api-key', apiKey: value };
  }
  if (locations.query === null || url === undefined) return null;
  const keys = new URL(url).searchParams.getAll(locations.query);
  return keys.length === 0 ? null : { kind: 'api-key', apiKey: keys.join(',') };
}

function bearerOf(authorization: string): Credential {
  const bearer = authorization.replace(/^bearer\s+/i, '').trim();
  if (JWT.test(bearer)) return { kind: 'jwt', jwt: bearer };
  return SIGNED_TOKEN.test(bearer) ? { kind: 'token', token: bearer } : { kind: 'api-key', apiKey: bearer };
}

/** Returns what a request says of where it comes from: the socket's address and the forwarding headers. */
export function senderOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): Sender {
  const { origin = null, referer = null } = headers;
  const forwarded = headers['x-forwarded-for'];
  return {
    peer: socket.remoteAddress ?? null,
    forwardedFor: forwarded === undefined ? null : String(forwarded),
    origin,
    referer,
  };
}
