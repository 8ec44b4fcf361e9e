import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoginServer, openLoginServer } from '../support/servers/login-server.ts';
import { askGraphql, createCli, documentsWith } from '../support/service/cli.ts';
import {
  createReceiver,
  createSwapmyfileClient,
  picture,
  signatureMatches,
} from '../support/service/client.ts';
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
  await start();
});
afterAll(async () => {
  await kiln?.stop();
  await receiver.close();
  await login.close();
  await removeDataDir(dataDir);
});

async function start(): Promise<void> {
  const env = {
    KILN_OIDC_ISSUER: login.issuer,
    KILN_OIDC_AUDIENCE: login.oidc.audience,
    KILN_LOG_LEVEL: 'debug',
  };
  kiln = await startKilnProcess({ dataDir, mark: 'e2e-secrets', env });
}

async function restart(): Promise<void> {
  await kiln.stop();
  await start();
}

const { run, json } = createCli(() => dataDir);
const graphql = (query: string, headers: Record<string, string>) => askGraphql(kiln.url, query, headers);
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const ME = '{ me { kind accountId } }';
const jobRequest = (size: number, more: object = {}) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: size,
  ...more,
});

/** The same path at the address of the present run. */
const here = (url: string) => new URL(new URL(url).pathname, kiln.url).href;

describe('a login', () => {
  it('opens every API, is linked by the command line, and is unavailable with its server', async () => {
    const { accountId } = await json('accounts', 'create', '--name', 'Lo', '--plan', 'pro');
    const token = await login.token({ claims: { sub: 'lo' }, issuedIn: -1 });
    expect(await graphql(ME, bearer(token))).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await json('accounts', 'link', accountId, '--subject', 'lo')).toMatchObject({ accountId });
    expect(await graphql(ME, bearer(token))).toMatchObject({ data: { me: { kind: 'ACCOUNT', accountId } } });

    const prepare = (headers: Record<string, string>) =>
      fetch(`${kiln.url}/uploads/prepare`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(jobRequest(10)),
      });
    expect((await prepare(bearer(token))).status).toBe(201);
    expect((await prepare(bearer(await login.token({ claims: { sub: 'lo', aud: 'other' } })))).status).toBe(
      401,
    );
    expect((await prepare(bearer(await login.token({ claims: { sub: 'nobody' } })))).status).toBe(403);

    await json('accounts', 'end-sessions', accountId);
    expect((await prepare(bearer(token))).status).toBe(401);
    await json('accounts', 'unlink', accountId);
    expect((await prepare(bearer(await login.token({ claims: { sub: 'lo' }, issuedIn: 1 })))).status).toBe(
      403,
    );

    await restart();
    login.fail('refuses');
    const away = await prepare(bearer(await login.token({ claims: { sub: 'lo' }, issuedIn: 1 })));
    expect([away.status, (await away.json()).error.code]).toEqual([503, 'UNAVAILABLE']);
    expect(away.headers.get('retry-after')).toBe('5');
    login.fail(null);
  });
});

describe('a new master key', () => {
  it('leaves links, sessions and callbacks working, seals all anew, and the old one may go later', async () => {
    const bytes = await picture(40, 30);
    const callback = { callbackUrl: receiver.url, callbackSecret: CALLBACK_SECRET };
    const client = () => createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const done = await client().prepare(jobRequest(bytes.length, callback));
    await client().upload(done, bytes);
    const link = (await client().ended(done.job.jobId)).downloadUrl ?? '';
    const result = await client().download(link);
    const waiting = await client().prepare(jobRequest(bytes.length, callback));
    const session = await graphql('mutation { createSession { ... on CreateSessionSuccess { token } } }', {
      'X-API-Key': kiln.credentials.apiKey,
    });
    const { token } = session.data.createSession;
    await until(() => receiver.received.length === 1, 10_000);

    const [{ keyId: oldId }] = await json('secrets', 'status');
    const { keyId, others } = await json('secrets', 'new-key');
    expect(others).toEqual([oldId]);
    expect(await run('secrets', 'prune')).toMatchObject({
      code: 1,
      err: 'kiln: The service does not use the newest master key of this data folder yet. Start it again first.\n',
    });
    await restart();

    expect(await client().download(link)).toEqual(result);
    expect(await graphql(ME, bearer(token))).toMatchObject({ data: { me: { kind: 'ACCOUNT' } } });
    const rotated = await json('secrets', 'rotate');
    expect(rotated).toMatchObject({
      unreadable: 0,
      keys: [
        { keyId, inFront: true, available: true, removable: false },
        { keyId: oldId, inFront: false, available: true, sealed: 0, removable: false },
      ],
    });
    expect(rotated.resealed).toBeGreaterThanOrEqual(4);
    console.log(
      `secrets rotate: ${rotated.resealed} sealed anew, the old key may go ${rotated.keys[1].idleFrom}`,
    );
    // Links in a message live for a day, and up to a week longer while it is not delivered.
    const days = (Date.parse(rotated.keys[1].idleFrom) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(7.9);
    expect(days).toBeLessThan(8.1);
    // Whatever is sealed begins with the id of its key; links inside of a message do not.
    expect(await documentsWith(kiln.run.mongoUri, `"${oldId}.`)).toEqual([]);
    expect(await json('secrets', 'rotate')).toMatchObject({ resealed: 0 });

    // Prepared and sealed under the old key, signed and sent under the new one.
    const { upload } = waiting;
    await client().upload(
      {
        ...waiting,
        upload: { ...upload, url: here(upload.url), completeUrl: here(upload.completeUrl ?? '') },
      },
      bytes,
    );
    await until(() => receiver.received.length === 2, 20_000);
    for (const received of receiver.received) expect(signatureMatches(CALLBACK_SECRET, received)).toBe(true);

    expect(await json('secrets', 'prune')).toEqual({ removed: [] });
    const { out } = await run('secrets', 'status');
    expect(out).toMatch(new RegExp(`${keyId} +in front[\\s\\S]+${oldId} +old +0 +from 20`));

    // A leaked key is taken away by hand: what is sealed stays readable, what it signed is over.
    const path = join(dataDir, 'master.key');
    await writeFile(path, `${(await readFile(path, 'utf8')).split('\n')[0]}\n`);
    await restart();
    expect(await json('secrets', 'status')).toMatchObject([{ keyId, sealed: expect.any(Number) }]);
    expect((await fetch(new URL(link, kiln.url))).status).toBe(403);
    expect(await graphql(ME, bearer(token))).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    const fresh = await client().job(done.job.jobId);
    expect((await client().download(fresh.downloadUrl ?? '')).length).toBeGreaterThan(0);
  });
});
