import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoginServer, openLoginServer } from '../support/servers/login-server.ts';
import { askGraphql, createCli, documentsWith } from '../support/service/cli.ts';
import { createReceiver, createSwapmyfileClient, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const CALLBACK_SECRET = 'canary-callback-secret-5f1d0c';

let dataDir: string;
let login: LoginServer;
let receiver: Awaited<ReturnType<typeof createReceiver>>;
let kiln: KilnProcess;

beforeAll(async () => {
  login = await openLoginServer();
  receiver = await createReceiver();
  dataDir = await newDataDir();
  const env = {
    KILN_OIDC_ISSUER: login.issuer,
    KILN_OIDC_AUDIENCE: login.oidc.audience,
    KILN_LOG_LEVEL: 'debug',
  };
  kiln = await startKilnProcess({ dataDir, mark: 'e2e-token-scan', env });
});
afterAll(async () => {
  if (kiln.child.exitCode === null) await kiln.stop();
  await receiver.close();
  await login.close();
  await removeDataDir(dataDir);
});

const { json } = createCli(() => dataDir);
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const ME = '{ me { kind accountId } }';
const jobRequest = (size: number, more: object = {}) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: size,
  ...more,
});

describe('a scan for secrets', () => {
  it('finds none in the database, in Temporal’s histories, in any file or in what was printed', async () => {
    const { accountId } = await json('accounts', 'create', '--name', 'Sc', '--plan', 'pro');
    const key = await json(
      'keys',
      'create',
      '--account',
      accountId,
      '--name',
      'x',
      '--dialect',
      'swapmyfile',
    );
    const jwt = await login.token({ claims: { kiln_account: accountId }, issuedIn: -1 });
    const session = await askGraphql(
      kiln.url,
      'mutation { createSession { ... on CreateSessionSuccess { token } } }',
      bearer(jwt),
    );
    const { token } = session.data.createSession;
    const client = createSwapmyfileClient(kiln.url, key.apiKey);
    const bytes = await picture(20, 20);
    const before = receiver.received.length;
    const prepared = await client.prepare(
      jobRequest(bytes.length, {
        callbackUrl: `${receiver.url}?canary=path`,
        callbackSecret: CALLBACK_SECRET,
      }),
    );
    await client.upload(prepared, bytes);
    const { downloadUrl = '' } = await client.ended(prepared.job.jobId);
    await client.download(downloadUrl);
    await until(() => receiver.received.length > before, 20_000);
    for (const wrong of [bearer(`${token}x`), bearer(`${jwt}x`), { 'X-API-Key': `${key.apiKey}x` }])
      await askGraphql(kiln.url, ME, wrong);
    await fetch(`${kiln.url}/jobs/${prepared.job.jobId}?token=${prepared.statusToken}&api_key=${key.apiKey}`);

    const { adminToken } = JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8'));
    const [masterKey = ''] = (await readFile(join(dataDir, 'master.key'), 'utf8')).split('\n');
    const secrets = {
      apiKey: key.apiKey,
      secretKey: key.secretKey,
      firstKey: kiln.credentials.apiKey,
      callback: CALLBACK_SECRET,
      adminToken,
      masterKey,
      session: token,
      jwt: jwt.split('.')[2] ?? '',
      statusToken: prepared.statusToken,
      upload: new URL(prepared.upload.url).pathname.split('/')[3] ?? '',
    };
    for (const [name, secret] of Object.entries(secrets)) {
      expect([name, secret.length > 20]).toEqual([name, true]);
      expect([name, await documentsWith(kiln.run.mongoUri, secret)]).toEqual([name, []]);
    }
    const histories = await temporalHistories();
    expect(histories).toContain(prepared.job.jobId);
    // The download link is in the body that the receiver gets; Temporal is not told of it.
    const download = downloadUrl.split('/')[3] ?? '';
    for (const [name, secret] of Object.entries({ ...secrets, download, canary: 'canary=path' }))
      expect([name, histories.includes(secret)]).toEqual([name, false]);

    await kiln.stop();
    const printed = kiln.output();
    const files = await filesOf(dataDir);
    for (const [name, secret] of Object.entries(secrets)) {
      expect([name, printed.includes(secret)]).toEqual([name, false]);
      expect([name, files.filter(({ content }) => content.includes(secret)).map(({ path }) => path)]).toEqual(
        [name, []],
      );
    }
    console.log(
      `token scan: ${Object.keys(secrets).length} secrets, ${histories.length} bytes of histories, ${files.length} files, ${printed.length} bytes of output: 0 found`,
    );
  });
});

/** All that Temporal knows of all workflows, payloads as text. */
async function temporalHistories(): Promise<string> {
  const connection = await Connection.connect({ address: kiln.run.temporalAddress });
  const client = new Client({ connection });
  let text = '';
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    text += JSON.stringify([workflowId, history], (_key, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
  }
  await connection.close();
  return text;
}

/** Every file of the data folder but the two that are there to hold secrets. */
async function filesOf(folder: string): Promise<{ path: string; content: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !['credentials.json', 'master.key'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, content: await readFile(path) })));
}
