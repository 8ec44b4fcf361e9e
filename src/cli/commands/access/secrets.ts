import { join } from 'node:path';
import { loadConfig } from '../../../config.ts';
import {
  addMasterKey,
  MASTER_KEY_FILE,
  masterKeyIds,
  removeMasterKeys,
} from '../../../secrets/master-key-file.ts';
import { type AdminOptions, findAdminService } from '../../service-client/find-service.ts';
import { createGraphqlClient, type GraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { renderTable } from '../../terminal/terminal.ts';

type Options = AdminOptions & { json?: boolean };

interface KeyView {
  keyId: string;
  inFront: boolean;
  available: boolean;
  sealed: number;
  idleFrom: string | null;
  removable: boolean;
}

interface Page {
  resealed: number;
  unreadable: number;
  next: string | null;
}

const KEYS = '{ masterKeys { keyId inFront available sealed idleFrom removable } }';
const ROTATE = `mutation Rotate($after: String) {
  rotateSecrets(after: $after) { ... on RotateSecretsSuccess { resealed unreadable next } ${REFUSAL} }
}`;
const COLUMNS = [
  { title: 'key' },
  { title: 'state' },
  { title: 'sealed', align: 'right' as const },
  { title: 'may go' },
];

/** `kiln secrets status`: prints the master keys and what still needs them. */
export async function showSecrets(options: Options): Promise<void> {
  const keys = await readKeys(createGraphqlClient(await findAdminService(options)));
  if (options.json) printJson(keys);
  else print(`${tableOf(keys)}\n`);
}

/** `kiln secrets rotate`: seals everything under the newest key, page by page, so that it may be stopped and repeated at any time. */
export async function rotateSecrets(options: Options): Promise<void> {
  const graphql = createGraphqlClient(await findAdminService(options));
  const done = { resealed: 0, unreadable: 0 };
  let after: string | null = null;
  do {
    const page: Page = await mutate<Page>(graphql, 'rotateSecrets', ROTATE, { after });
    done.resealed += page.resealed;
    done.unreadable += page.unreadable;
    after = page.next;
  } while (after !== null);
  const keys = await readKeys(graphql);
  if (options.json) printJson({ ...done, keys });
  else {
    const lost = done.unreadable > 0 ? `; ${done.unreadable} cannot be opened, since their key is gone` : '';
    print(`${done.resealed} secrets were sealed under the newest key${lost}.\n\n${tableOf(keys)}\n`);
  }
  if (done.unreadable > 0) process.exitCode = 1;
}

/** `kiln secrets new-key`: adds a key for the next start; running processes do not change. */
export async function addKey({ json }: Pick<Options, 'json'>): Promise<void> {
  const [keyId, ...others] = await addMasterKey(keyFile());
  if (json) return printJson({ keyId, others });
  print(
    `The new master key is ${keyId}. Next:\n` +
      '  1. start Kiln again: from then on the new key signs and seals, the old one still opens\n' +
      '  2. npx kiln secrets rotate\n' +
      '  3. when `npx kiln secrets status` says that the old key may go: npx kiln secrets prune\n',
  );
}

/** `kiln secrets prune`: removes the keys that nothing needs any more, as the service says. */
export async function pruneKeys(options: Options): Promise<void> {
  const path = keyFile();
  const keys = await readKeys(createGraphqlClient(await findAdminService(options)));
  const [front] = await masterKeyIds(path);
  if (keys.find(({ inFront }) => inFront)?.keyId !== front) {
    throw new CommandError('The service does not use the newest master key of this data folder yet.', {
      hint: 'Start it again first.',
    });
  }
  const removable = keys.filter((key) => key.removable).map(({ keyId }) => keyId);
  const removed = await removeMasterKeys(path, removable);
  if (options.json) return printJson({ removed });
  const said = removed.length === 0 ? 'No old key may go yet' : `Removed ${removed.join(', ')}`;
  print(`${said}.\n\n${tableOf(keys.filter(({ keyId }) => !removed.includes(keyId)))}\n`);
}

function keyFile(): string {
  const { dataDir, masterKeys } = loadConfig();
  if (!masterKeys) return join(dataDir, MASTER_KEY_FILE);
  throw new CommandError('The master keys come from KILN_MASTER_KEY.', {
    hint: 'Change them there: newest first, `openssl rand -base64 32` makes one.',
  });
}

async function readKeys(graphql: GraphqlClient): Promise<KeyView[]> {
  return (await graphql.request<{ masterKeys: KeyView[] }>(KEYS)).masterKeys;
}

function tableOf(keys: readonly KeyView[]): string {
  return renderTable(
    COLUMNS,
    keys.map((key) => [key.keyId, stateOf(key), String(key.sealed), whenOf(key)]),
  );
}

function stateOf({ inFront, available }: KeyView): string {
  if (inFront) return 'in front';
  return available ? 'old' : 'missing';
}

function whenOf({ inFront, available, removable, sealed, idleFrom }: KeyView): string {
  if (inFront) return 'no';
  if (!available) return 'gone already: put it back to open what it has sealed';
  if (removable) return 'now';
  return sealed > 0 ? `after \`kiln secrets rotate\`, not before ${idleFrom}` : `from ${idleFrom}`;
}
