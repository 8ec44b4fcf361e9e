import { describe, expect, it } from 'vitest';
import { credentialOf } from '../../src/http/credential.ts';

const token = '0a1b2c3d.WyJhIl0.x-_9';
const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln';

describe('credentialOf', () => {
  it.each<[string, Record<string, string>, unknown]>([
    ['nothing', {}, null],
    ['a key', { 'X-API-Key': 'smf_live_a' }, { kind: 'api-key', apiKey: 'smf_live_a' }],
    ['a key as Bearer', { Authorization: 'Bearer smf_live_a' }, { kind: 'api-key', apiKey: 'smf_live_a' }],
    [
      'a scheme in another case',
      { Authorization: 'bearer  smf_live_a' },
      { kind: 'api-key', apiKey: 'smf_live_a' },
    ],
    ['a signed token', { Authorization: `Bearer ${token}` }, { kind: 'token', token }],
    [
      'a key before a token',
      { 'X-API-Key': 'k', Authorization: `Bearer ${token}` },
      { kind: 'api-key', apiKey: 'k' },
    ],
    ['a token where only keys go', { 'X-API-Key': token }, { kind: 'api-key', apiKey: token }],
    ['a login', { Authorization: `Bearer ${jwt}` }, { kind: 'jwt', jwt }],
    ['a login without a signature', { Authorization: 'bearer eyJ9.e30.' }, { kind: 'jwt', jwt: 'eyJ9.e30.' }],
    ['a login where only keys go', { 'X-API-Key': jwt }, { kind: 'api-key', apiKey: jwt }],
    ['an empty key', { 'X-API-Key': '' }, { kind: 'api-key', apiKey: '' }],
    ['another scheme', { Authorization: 'Basic YTpi' }, { kind: 'api-key', apiKey: 'Basic YTpi' }],
  ])('reads %s', (_name, headers, credential) => {
    expect(credentialOf(new Headers(headers))).toEqual(credential);
  });

  it.each<[string, Record<string, string>, string, unknown]>([
    ['a header of its own', { 'X-Own-Key': 'k' }, '', { kind: 'api-key', apiKey: 'k' }],
    ['its header before the query', { 'X-Own-Key': 'k' }, '?own_key=q', { kind: 'api-key', apiKey: 'k' }],
    ['the query', {}, '?own_key=q', { kind: 'api-key', apiKey: 'q' }],
    ['two keys as one that is none', {}, '?own_key=q&own_key=r', { kind: 'api-key', apiKey: 'q,r' }],
    ['no place of another API', { 'X-API-Key': 'k', Authorization: 'Bearer k' }, '?api_key=q', null],
  ])('reads, for an API that has other places, %s', (_name, headers, query, credential) => {
    const places = { headers: ['X-Own-Key'], query: 'own_key' };
    expect(credentialOf(new Headers(headers), places, `http://kiln.example/jobs${query}`)).toEqual(
      credential,
    );
  });
});
