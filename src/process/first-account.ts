import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../app/app.ts';
import type { Config } from '../config.ts';
import { KEY_SCOPES, shownPrefix } from '../domain/access/account.ts';
import { DIALECTS } from '../domain/dialect.ts';
import { newId } from '../domain/id.ts';
import { hashApiKey, newApiKey, newKeyPair } from '../secrets/api-key.ts';

/** What credentials.json holds (mode 600), so that a newcomer can call every API at once. */
interface Credentials {
  url: string;
  adminToken: string;
  account: string;
  apiKey: string;
  publicKey: string;
  secretKey: string;
}

/** Reads the credentials of the data folder, or makes new ones; a configured admin token replaces the stored one. */
export async function loadCredentials({ dataDir, adminToken }: Config): Promise<Credentials> {
  const known = await readCredentials(pathIn(dataDir));
  if (known) return { ...known, adminToken: adminToken ?? known.adminToken };
  return {
    url: '',
    adminToken: adminToken ?? randomBytes(32).toString('hex'),
    account: newId(),
    apiKey: newApiKey(DIALECTS.graphql.key.prefix).apiKey,
    ...newKeyPair(),
  };
}

/**
 * Makes sure that a ready-made Pro account exists and that credentials.json names it.
 * @returns the path of credentials.json
 */
export async function ensureFirstAccount(app: App, credentials: Credentials): Promise<string> {
  const path = pathIn(app.infrastructure.config.dataDir);
  // Writes the file first: a crash then leaves an account to be made again, not a key that nobody knows.
  await writeFile(path, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await store(app, credentials);
  return path;
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'credentials.json');
}

async function readCredentials(path: string): Promise<Credentials | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : JSON.parse(text);
}

async function store(
  { infrastructure: { accounts, keys, seal } }: App,
  { account, apiKey, publicKey, secretKey }: Credentials,
): Promise<void> {
  const createdAt = new Date();
  await accounts.insertIfAbsent({ _id: account, name: 'First account', plan: 'pro', createdAt });
  await keys.insertIfAbsent({
    _id: account,
    accountId: account,
    name: 'First key',
    dialect: 'kiln',
    prefix: shownPrefix(apiKey),
    secretHash: hashApiKey(apiKey),
    publicKey,
    sealedSecretKey: seal(secretKey, { collection: 'keys', id: account, field: 'secretKey' }),
    scopes: [...KEY_SCOPES],
    restriction: { type: 'all' },
    createdAt,
    secretSince: createdAt,
    revokedAt: null,
    lastUsedAt: null,
    usageCount: 0,
  });
}
