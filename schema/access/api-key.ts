import { KEY_SCOPES, type ApiKey as KeyRecord, type KeyScope } from '../../src/domain/access/account.ts';
import type { KeyRestriction } from '../../src/domain/access/key-restriction.ts';
import { KEY_PREFIXES, type KeyDialect } from '../../src/domain/dialect.ts';
import type { ShownKey } from '../../src/operations/access/keys.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { Account } from './account.ts';

/** What a list of keys costs: an account has a handful, and revoked ones besides. */
const someKeys = { field: 1, multiplier: 10 };

const Scope = builder.enumType('KeyScope', {
  description: 'What a key may do.',
  values: {
    CONVERT: { value: 'convert', description: 'Upload files, create and cancel jobs, and see those.' },
    READ: { value: 'read', description: 'See and list everything of the account.' },
    MANAGE: { value: 'manage', description: 'Change the account and its keys.' },
  } as const satisfies Record<string, { value: KeyScope; description: string }>,
});

const DialectOfKey = builder.enumType('KeyDialect', {
  description: 'The API that a key is made for. It shows in the prefix only: a key works in all of them.',
  values: Object.fromEntries(
    Object.entries(KEY_PREFIXES).map(([dialect, prefix]) => [
      dialect.toUpperCase(),
      { value: dialect as KeyDialect, description: `Begins with \`${prefix}\`.` },
    ]),
  ),
});

const RestrictionKind = builder.enumType('KeyRestrictionType', {
  description: 'How the use of a key is restricted.',
  values: {
    ALL: { value: 'all', description: 'Not at all.' },
    IP: { value: 'ip', description: 'To addresses.' },
    DOMAIN: { value: 'domain', description: 'To web pages; keeps out other pages, not other programs.' },
  } as const,
});

const Restriction = builder.objectRef<KeyRestriction>('KeyRestriction').implement({
  description: 'From where a key may be used.',
  fields: (t) => ({
    type: t.expose('type', {
      type: RestrictionKind,
      description: 'How it is restricted.',
    }),
    values: t.stringList({
      description: 'The addresses and CIDR ranges, or the domains; empty when it is not restricted.',
      resolve: valuesOf,
    }),
  }),
});

const ApiKey = builder.objectRef<KeyRecord>('ApiKey').implement({
  description: 'An API key. Its secret was shown when it was made and cannot be read back.',
  fields: (t) => ({
    keyId: t.exposeID('_id', { description: 'UUID of the key; stays the same when it is rotated.' }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    dialect: t.expose('dialect', {
      type: DialectOfKey,
      description: 'What it is made for.',
    }),
    prefix: t.exposeString('prefix', { description: 'How it begins, so that it can be recognised.' }),
    publicKey: t.exposeString('publicKey', { description: 'The public half for APIs whose callers sign.' }),
    scopes: t.expose('scopes', { type: [Scope], description: 'What it may do.' }),
    restriction: t.expose('restriction', {
      type: Restriction,
      description: 'From where it may be used.',
    }),
    usageCount: t.exposeInt('usageCount', { description: 'Calls so far; up to ten seconds behind.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the latest call was made, up to ten seconds behind; null before the first.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    secretSince: t.expose('secretSince', {
      type: 'DateTime',
      description: 'When it got its present secret.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null while it works.',
    }),
  }),
});

builder.objectField(Account, 'keys', (t) =>
  t.field({
    type: [ApiKey],
    description: 'Its API keys, newest first, revoked ones included. Needs the scope MANAGE.',
    complexity: someKeys,
    resolve: ({ _id }, _args, { operations, actor }) => operations.listKeys(actor, _id),
  }),
);

const RestrictionInput = builder.inputType('KeyRestrictionInput', {
  description: 'From where the key may be used: one of the two lists.',
  fields: (t) => ({
    ip: t.stringList({ description: 'IPv4 and IPv6 addresses and CIDR ranges.' }),
    domain: t.stringList({ description: 'Domains of web pages; `*.example.com` is all below example.com.' }),
  }),
});

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A key to be made.',
  fields: (t) => ({
    accountId: t.id({ description: 'Your own account unless given; others only for the operator.' }),
    name: t.string({ required: true, description: 'What people call it, 1 to 80 characters.' }),
    dialect: t.field({
      type: DialectOfKey,
      required: true,
      defaultValue: 'kiln',
      description: 'For its prefix.',
    }),
    scopes: t.field({
      type: [Scope],
      required: true,
      defaultValue: [...KEY_SCOPES],
      description: 'What it may do; nothing that you may not do yourself.',
    }),
    restriction: t.field({
      type: RestrictionInput,
      description:
        'From where it may be used; from anywhere unless given. Nowhere that your own key may not.',
    }),
  }),
});

const ApiKeySecrets = builder.objectRef<ShownKey>('ApiKeySecrets').implement({
  description: 'A key in full. This is the only time that it is shown.',
  fields: (t) => ({
    key: t.expose('key', { type: ApiKey, description: 'The key as it will be seen.' }),
    apiKey: t.exposeString('apiKey', { description: 'The secret: what goes in X-API-Key.' }),
    publicKey: t.string({
      description: 'The public half for APIs whose callers sign.',
      resolve: ({ key }) => key.publicKey,
    }),
    secretKey: t.exposeString('secretKey', { description: 'The secret half for APIs whose callers sign.' }),
  }),
});

const ApiKeySuccess = builder.objectRef<{ key: KeyRecord }>('ApiKeySuccess').implement({
  description: 'The key is changed.',
  fields: (t) => ({
    key: t.expose('key', { type: ApiKey, description: 'As it is now.' }),
  }),
});

const keyId = { required: true, description: 'The `keyId` of the key.' } as const;

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: ApiKeySecrets,
    errors: EXPECTED,
    description: 'Makes an API key and shows it, once.',
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'What is wanted.' }) },
    resolve: (_root, { input }, context) =>
      refusing(context, () =>
        context.operations.createKey(context.actor, {
          ...input,
          accountId: input.accountId ?? undefined,
          restriction: input.restriction ?? {},
        }),
      ),
  }),
  renameApiKey: t.field({
    type: ApiKeySuccess,
    errors: EXPECTED,
    description: 'Gives a key another name.',
    args: { id: t.arg.id(keyId), name: t.arg.string({ required: true, description: '1 to 80 characters.' }) },
    resolve: (_root, { id, name }, context) =>
      refusing(context, async () => ({ key: await context.operations.renameKey(context.actor, id, name) })),
  }),
  rotateApiKey: t.field({
    type: ApiKeySecrets,
    errors: EXPECTED,
    description:
      'Gives a key new secrets and shows them, once; the old ones are worthless at once. The key may do no more than you.',
    args: { id: t.arg.id(keyId) },
    resolve: (_root, { id }, context) =>
      refusing(context, () => context.operations.rotateKey(context.actor, id)),
  }),
  revokeApiKey: t.field({
    type: ApiKeySuccess,
    errors: EXPECTED,
    description:
      'Ends a key for good, its sessions and open subscriptions within five seconds. May be repeated.',
    args: { id: t.arg.id(keyId) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({ key: await context.operations.revokeKey(context.actor, id) })),
  }),
}));

function valuesOf(restriction: KeyRestriction): string[] {
  if (restriction.type === 'ip') return restriction.networks;
  return restriction.type === 'domain' ? restriction.domains : [];
}
