import { type AdminOptions, findAdminService, findService } from '../../service-client/find-service.ts';
import { createGraphqlClient, type GraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { printTable, renderTable } from '../../terminal/terminal.ts';

interface KeyView {
  keyId: string;
  name: string;
  dialect: string;
  prefix: string;
  scopes: string[];
  restriction: { type: string; values: string[] };
  usageCount: number;
  lastUsedAt: string | null;
  createdAt: string;
  revokedAt: string | null;
}

interface SecretsView {
  key: { keyId: string };
  apiKey: string;
  publicKey: string;
  secretKey: string;
}

/** Options of every command on keys. With `account` the operator acts, without it the owner by a key. */
type Options = AdminOptions & { account?: string; json?: boolean };

/** A parsed `--restrict`. */
export type Restriction = { ip: string[] } | { domain: string[] };

const KEY =
  'keyId name dialect prefix scopes restriction { type values } usageCount lastUsedAt createdAt revokedAt';
const SECRETS = `{ ... on ApiKeySecrets { key { keyId } apiKey publicKey secretKey } ${REFUSAL} }`;
const SUCCESS = `{ ... on ApiKeySuccess { key { ${KEY} } } ${REFUSAL} }`;
const LIST = `query Keys($id: ID) { account(id: $id) { keys { ${KEY} } } }`;
const CREATE = `mutation Create($input: CreateApiKeyInput!) { createApiKey(input: $input) ${SECRETS} }`;
const RENAME = `mutation Rename($id: ID!, $name: String!) { renameApiKey(id: $id, name: $name) ${SUCCESS} }`;
const ROTATE = `mutation Rotate($id: ID!) { rotateApiKey(id: $id) ${SECRETS} }`;
const REVOKE = `mutation Revoke($id: ID!) { revokeApiKey(id: $id) ${SUCCESS} }`;

const COLUMNS = ['key', 'name', 'begins with', 'scopes', 'from', 'calls', 'last used', 'state'].map(
  (title) => ({ title, ...(title === 'calls' && { align: 'right' as const }) }),
);

/** `kiln keys list` */
export async function listKeys({ account, json, ...options }: Options): Promise<void> {
  const graphql = await clientFor({ ...options, ...ofAccount(account, options) });
  const data = await graphql.request<{ account: { keys: KeyView[] } }>(LIST, { id: account });
  if (json) printJson(data.account.keys);
  else show(data.account.keys);
}

/** `kiln keys create`: the secrets are printed this once. */
export async function createKey({
  name,
  dialect,
  scope,
  restrict,
  ...options
}: Options & { name: string; dialect: string; scope: string[]; restrict?: Restriction }): Promise<void> {
  const input = {
    accountId: ofAccount(options.account, options).account,
    name,
    dialect: dialect.toUpperCase(),
    ...(scope.length > 0 && { scopes: scope.map((one) => one.toUpperCase()) }),
    restriction: restrict,
  };
  showSecrets(await change<SecretsView>('createApiKey', CREATE, { input }, options), options);
}

/** `kiln keys rename` */
export async function renameKey(id: string, { name, ...options }: Options & { name: string }): Promise<void> {
  showKey(await change<{ key: KeyView }>('renameApiKey', RENAME, { id, name }, options), options);
}

/** `kiln keys rotate`: the new secrets are printed this once. */
export async function rotateKey(id: string, options: Options): Promise<void> {
  showSecrets(await change<SecretsView>('rotateApiKey', ROTATE, { id }, options), options);
}

/** `kiln keys revoke` */
export async function revokeKey(id: string, options: Options): Promise<void> {
  showKey(await change<{ key: KeyView }>('revokeApiKey', REVOKE, { id }, options), options);
}

/** Returns the account to act on. @throws CommandError for the operator, who must name one. */
function ofAccount(account: string | undefined, { apiKey }: Options): { account?: string } {
  if (account !== undefined) return { account };
  if (apiKey !== undefined) return {};
  throw new CommandError('No account is named.', {
    hint: 'Name the account with --account, or act as its owner with --api-key (or KILN_API_KEY).',
    isUsage: true,
  });
}

async function clientFor({ account, ...options }: Options): Promise<GraphqlClient> {
  // Whoever gives a key acts as its account.
  const isOwner = account === undefined && options.apiKey !== undefined;
  return createGraphqlClient(isOwner ? await findService(options) : await findAdminService(options));
}

async function change<Success>(
  name: string,
  document: string,
  variables: Record<string, unknown>,
  options: Options,
): Promise<Success> {
  return mutate<Success>(await clientFor(options), name, document, variables);
}

function showSecrets({ key, apiKey, publicKey, secretKey }: SecretsView, { json }: Options): void {
  if (json) {
    printJson({ keyId: key.keyId, apiKey, publicKey, secretKey });
    return;
  }
  const rows = [
    ['key id', key.keyId],
    ['API key', apiKey],
    ['public key', publicKey],
    ['secret key', secretKey],
  ];
  const table = renderTable([{ title: 'what' }, { title: 'value' }], rows);
  print(`${table}\n\nKeep them now: they cannot be shown again.\n`);
}

function showKey({ key }: { key: KeyView }, { json }: Options): void {
  if (json) printJson(key);
  else show([key]);
}

function show(keys: readonly KeyView[]): void {
  const rows = keys.map(({ keyId, name, prefix, scopes, restriction, usageCount, lastUsedAt, revokedAt }) => [
    keyId,
    name,
    `${prefix}…`,
    scopes.join(' ').toLowerCase(),
    restriction.values.join(' ') || 'anywhere',
    String(usageCount),
    lastUsedAt ?? 'never',
    revokedAt === null ? 'works' : 'revoked',
  ]);
  printTable(COLUMNS, rows, 'The account has no keys yet.');
}
