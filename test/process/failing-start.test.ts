import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, inject, it, vi } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { startKiln } from '../../src/process/kiln.ts';
import { childrenOf } from '../embedded/engines.ts';
import { closeAll, listen } from '../net/receivers.ts';

// Each of them starts most of Kiln, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });
afterEach(closeAll);

/** A way to an engine that counts who is connected, and can be closed after some connections. */
async function way(to: string, admitted = Number.POSITIVE_INFINITY) {
  const open = new Set<Socket>();
  let seen = 0;
  const server = createServer((socket) => {
    seen += 1;
    if (seen > admitted) return void socket.destroy();
    open.add(socket.on('close', () => open.delete(socket)));
    const [host = '', port = ''] = to.split(':');
    const onward = connect(Number(port), host);
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  return { port: await listen(server), open: () => open.size, seen: () => seen };
}

interface Trial {
  config: Config;
  temporal: Awaited<ReturnType<typeof way>>;
  mongo: Awaited<ReturnType<typeof way>>;
}

/** Kiln on the shared engines, each behind a way of its own. */
async function trial(overrides: Partial<Config> = {}): Promise<Trial> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-start-'));
  const mongoHost = /\/\/([^/]+)\//.exec(inject('mongoUri'))?.[1] ?? '';
  const [temporal, mongo] = [await way(inject('temporalAddress')), await way(mongoHost)];
  const base = loadConfig({ KILN_PORT: '0', KILN_LOG_LEVEL: 'silent', KILN_CONCURRENCY_IMAGE: '1' });
  const database = dataDir.slice(-6).toLowerCase();
  const config: Config = {
    ...base,
    dataDir,
    mongoUri: `mongodb://127.0.0.1:${mongo.port}/start-${database}?directConnection=true`,
    temporal: { ...base.temporal, address: `127.0.0.1:${temporal.port}`, queuePrefix: `start-${database}` },
    ...overrides,
  };
  return { config, temporal, mongo };
}

/** Starts, which must fail; says with what, and looks for whatever was opened and is not closed. */
async function failingStart({ config, temporal, mongo }: Trial): Promise<string> {
  const before = new Set(childrenOf(process.pid));
  const error: Error = await startKiln(config, () => {}).then(
    async (kiln) => {
      await kiln.stop();
      throw new Error('It started.');
    },
    (failure) => failure,
  );
  const left = () => ({
    temporal: temporal.open(),
    mongo: mongo.open(),
    processes: childrenOf(process.pid).filter((pid) => !before.has(pid)).length,
  });
  const nothing = { temporal: 0, mongo: 0, processes: 0 };
  for (let look = 0; look < 100 && JSON.stringify(left()) !== JSON.stringify(nothing); look += 1)
    await sleep(50);
  expect(left()).toEqual(nothing);
  await rm(config.dataDir, { recursive: true, force: true });
  return error.message;
}

async function isFree(port: number): Promise<boolean> {
  const server: Server = createServer();
  server.listen(port, '127.0.0.1');
  const free = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return free;
}

it('closes Temporal when MongoDB cannot be reached', async () => {
  const dead = await trial();
  dead.config.mongoUri = 'mongodb://127.0.0.1:9/kiln?directConnection=true&serverSelectionTimeoutMS=300';
  await failingStart(dead);
  expect(dead.temporal.seen()).toBeGreaterThan(0);
});

it('closes both engines when the app cannot be built', async () => {
  const broken = await trial({ masterKeys: [] });
  await failingStart(broken);
  expect([broken.temporal.seen(), broken.mongo.seen()].every((seen) => seen > 0)).toBe(true);
});

it('closes everything when the work cannot start', async () => {
  const broken = await trial();
  broken.config.concurrency = { ...broken.config.concurrency, io: -1 };
  await failingStart(broken);
});

it('closes everything when another program takes the port during the start', async () => {
  const broken = await trial();
  const port = await listen(createServer());
  // Free when it is looked at, taken when it is needed.
  const looks = [0];
  Object.defineProperty(broken.config, 'port', { get: () => looks.shift() ?? port });
  expect(await failingStart(broken)).toBe(
    `Port ${port} of 127.0.0.1 is taken by another program. End that one, or set KILN_PORT to a free port (0 takes any).`,
  );
  expect(broken.mongo.seen()).toBeGreaterThan(0);
});

it('knows that the port is taken before it starts anything', async () => {
  const taken = await trial();
  const port = await listen(createServer());
  taken.config.port = port;
  expect(await failingStart(taken)).toContain(`Port ${port} of 127.0.0.1 is taken`);
  expect([taken.temporal.seen(), taken.mongo.seen()]).toEqual([0, 0]);
});

it.each(['credentials.json', 'run.json'])('closes the server when %s cannot be written', async (file) => {
  const broken = await trial();
  const probe = createServer();
  const port = await listen(probe);
  await closeOnly(probe);
  broken.config.port = port;
  await mkdir(join(broken.config.dataDir, file));
  await failingStart(broken);
  expect(await isFree(port)).toBe(true);
});

async function closeOnly(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

it('closes what it opened when it stops, and takes run.json away', async () => {
  const { config, temporal, mongo } = await trial();
  const before = new Set(childrenOf(process.pid));
  const kiln = await startKiln(config, () => {});
  const run = join(config.dataDir, 'run.json');
  expect(JSON.parse(await readFile(run, 'utf8')).url).toBe(kiln.url);
  await kiln.stop();
  expect(existsSync(run)).toBe(false);
  expect(childrenOf(process.pid).filter((pid) => !before.has(pid))).toEqual([]);
  for (let look = 0; look < 100 && temporal.open() + mongo.open() > 0; look += 1) await sleep(50);
  expect([temporal.open(), mongo.open()]).toEqual([0, 0]);
  await rm(config.dataDir, { recursive: true, force: true });
});

it.each([
  ['is a file', (folder: string) => folder, 'it is a file'],
  ['lies below a file', (folder: string) => join(folder, 'data'), 'a part of its path is a file'],
  ['belongs to the kernel', () => '/proc/kiln', 'files cannot be made there'],
  ['is the kernel itself', () => '/proc', 'files cannot be made there'],
])('names KILN_DATA_DIR when the data folder %s', async (_case, folderOf, reason) => {
  const parent = await mkdtemp(join(tmpdir(), 'kiln-start-'));
  const refused = await trial();
  await writeFile(join(parent, 'file'), '');
  const dataDir = folderOf(join(parent, 'file'));
  await rm(refused.config.dataDir, { recursive: true });
  refused.config.dataDir = dataDir;
  const message = await startKiln(refused.config, () => {}).then(
    () => 'it started',
    (error) => error.message,
  );
  expect(message).toContain(`The data folder ${dataDir} cannot be used: ${reason}`);
  expect(message).toContain('KILN_DATA_DIR');
  expect([refused.temporal.seen(), refused.mongo.seen()]).toEqual([0, 0]);
  await rm(parent, { recursive: true });
});
