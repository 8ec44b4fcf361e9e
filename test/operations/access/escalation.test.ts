import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller, KeyScope } from '../../../src/domain/access/account.ts';
import type { RestrictionRequest } from '../../../src/domain/access/key-restriction.ts';
import { type AccessHarness, openAccessHarness } from '../../support/harness/access-harness.ts';

let harness: AccessHarness;

beforeAll(async () => {
  harness = await openAccessHarness();
});
afterAll(() => harness.close());

interface Kind {
  scopes?: readonly KeyScope[];
  restriction?: RestrictionRequest;
}

const ALL: readonly KeyScope[] = ['convert', 'read', 'manage'];
const NET = { ip: ['203.0.113.0/24', '2001:db8::/32'] };
const SITE = { domain: ['example.com', '*.shop.example'] };
const INSIDE = { peer: '203.0.113.5', origin: 'https://example.com' };

/** What an account's key of one kind, or a full session from it, may do with the key of another kind. */
async function pair(mine: Kind, other: Kind) {
  const account = await harness.newAccount();
  const { key, apiKey } = await harness.newKey(account, mine);
  const made = await harness.newKey(account, other);
  const caller = await harness.byKey(apiKey, INSIDE);
  const { token } = await harness.operations.createSession(caller, 'full', 5);
  const request = { name: 'x', dialect: 'kiln', scopes: ALL, restriction: {}, ...other } as const;
  return {
    key,
    other: made,
    actors: [caller, await harness.byToken(token)],
    create: (actor: Caller) => harness.operations.createKey(actor, request),
    rotate: (actor: Caller) => harness.operations.rotateKey(actor, made.key._id),
  };
}

const beyond: [string, Kind, Kind, string][] = [
  ['a key that manages only: one that converts', { scopes: ['manage'] }, { scopes: ['convert'] }, 'scopes'],
  ['a key that manages only: one that may all', { scopes: ['manage'] }, {}, 'scopes'],
  ['a key of addresses: one for everywhere', { restriction: NET }, {}, 'restriction'],
  [
    'a key of addresses: one of others',
    { restriction: NET },
    { restriction: { ip: ['198.51.100.1'] } },
    'restriction',
  ],
  [
    'a key of addresses: one of more',
    { restriction: NET },
    { restriction: { ip: ['203.0.113.1', '198.51.100.1'] } },
    'restriction',
  ],
  [
    'a key of addresses: a wider range',
    { restriction: NET },
    { restriction: { ip: ['203.0.112.0/23'] } },
    'restriction',
  ],
  ['a key of addresses: one of a domain', { restriction: NET }, { restriction: SITE }, 'restriction'],
  ['a key of domains: one for everywhere', { restriction: SITE }, {}, 'restriction'],
  [
    'a key of domains: another domain',
    { restriction: SITE },
    { restriction: { domain: ['example.org'] } },
    'restriction',
  ],
  [
    'a key of domains: all below its domain',
    { restriction: SITE },
    { restriction: { domain: ['*.example.com'] } },
    'restriction',
  ],
  [
    'a key of domains: the apex of its rule',
    { restriction: SITE },
    { restriction: { domain: ['shop.example'] } },
    'restriction',
  ],
  ['a key of domains: one of addresses', { restriction: SITE }, { restriction: NET }, 'restriction'],
];

const within: [string, Kind, Kind][] = [
  ['a key that manages and reads: one that reads', { scopes: ['manage', 'read'] }, { scopes: ['read'] }],
  ['a key of addresses: one with the same', { restriction: NET }, { restriction: NET }],
  [
    'a key of addresses: parts of its ranges',
    { restriction: NET },
    { restriction: { ip: ['203.0.113.9', '::ffff:203.0.113.8/125', '2001:db8:1::/48'] } },
  ],
  [
    'a key of domains: some of them',
    { restriction: SITE },
    { restriction: { domain: ['EXAMPLE.com', 'a.shop.example', '*.a.shop.example', '*.shop.example'] } },
  ],
  ['a key for everywhere: one of addresses', {}, { restriction: NET }],
];

describe('neither by key nor by its session', () => {
  it.each(beyond)('does %s', async (_what, mine, other, field) => {
    const { actors, create, rotate, other: untouched } = await pair(mine, other);
    for (const actor of actors) {
      await expect(create(actor)).rejects.toMatchObject({ code: 'FORBIDDEN', field });
      await expect(rotate(actor)).rejects.toMatchObject({ code: 'FORBIDDEN', field });
    }
    expect(await harness.keys.find(untouched.key._id)).toEqual(untouched.key);
  });
});

describe('by key and by its session', () => {
  it.each(within)('does %s', async (_what, mine, other) => {
    const { key, actors, create, rotate } = await pair(mine, other);
    for (const actor of actors) {
      await create(actor);
      await rotate(actor);
    }
    const [caller = { kind: 'anonymous' } as const] = actors;
    expect((await harness.operations.rotateKey(caller, key._id)).key._id).toBe(key._id);
  });
});
