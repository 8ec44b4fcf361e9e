import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EmbeddedOptions, startEmbedded } from '../../../src/embedded/embedded.ts';
import { connectMongo } from '../../../src/store/mongo/mongo.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { anUpload } from '../../support/records.ts';
import {
  deadSite,
  downloadSite,
  filesIn,
  launcherOf,
  onlyOnPath,
  sha256,
  tarball,
  temporaryFolder,
  withoutPrograms,
  writeExecutable,
} from '../stand-ins.ts';

const fakeMongod = launcherOf(join(import.meta.dirname, 'fake-mongod.ts'));

async function optionsFor(mongodMirror: string, lines: string[] = []): Promise<EmbeddedOptions> {
  return {
    dataDir: await temporaryFolder(),
    cacheDir: await temporaryFolder(),
    needTemporal: false,
    needMongo: true,
    searchAttributes: [],
    temporalSynchronous: 'NORMAL',
    sources: { mongodMirror },
    onProgress: (line) => lines.push(line),
    onDeath: () => {},
  };
}

/** Starts a small copy of the publisher's site: every archive holds the stand-in, with its sum beside it. */
async function mirror(sumOf: (archive: Buffer) => string = sha256) {
  const archive = await tarball({ 'mongodb-any/bin/mongod': fakeMongod, 'mongodb-any/README': 'text' });
  return downloadSite((path) => (path.endsWith('.sha256') ? `${sumOf(archive)}  archive.tgz\n` : archive));
}

async function hostOf(dataDir: string): Promise<string> {
  return JSON.parse(await readFile(join(dataDir, 'mongod', 'replica-set.json'), 'utf8')).members[0].host;
}

describe('the fallback chain of MongoDB', () => {
  it('makes a mongod on PATH the primary of its own replica set, at every start anew', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod);
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    for (let start = 1; start <= 2; start++) {
      const embedded = await startEmbedded(options);
      expect(embedded.engines).toEqual([{ engine: 'MongoDB', provider: 'mongod on PATH', version: '8.0.4' }]);
      expect(embedded.mongoUri).toContain(await hostOf(options.dataDir));
      await embedded.stop();
    }
  });

  it('keeps its port, so that the stored replica set knows it, and takes another one when it must', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod);
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    const uris: (string | undefined)[] = [];
    for (let start = 1; start <= 2; start++) {
      const embedded = await startEmbedded(options);
      uris.push(embedded.mongoUri);
      await embedded.stop();
    }
    expect(uris[1]).toBe(uris[0]);
    const port = Number(/:(\d+)\//.exec(uris[0] ?? '')?.[1]);
    const stranger = createServer().listen(port, '127.0.0.1');
    await once(stranger, 'listening');
    const moved = await startEmbedded(options);
    expect(moved.mongoUri).not.toBe(uris[0]);
    expect(moved.mongoUri).toContain(await hostOf(options.dataDir));
    await moved.stop();
    stranger.close();
  });

  it('never hangs on a majority that does not come', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod);
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    const embedded = await startEmbedded(options);
    const mongo = await connectMongo(embedded.mongoUri ?? '');
    await writeFile(join(options.dataDir, 'mongod', 'without-majority'), '');
    const insert = createUploadRepository(mongo.collections).insertIfAbsent(anUpload());
    await expect(insert).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await mongo.close();
    await embedded.stop();
  });

  it('lets the data use what this version brings', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod);
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    await (await startEmbedded(options)).stop();
    expect(await readFile(join(options.dataDir, 'mongod', 'compatibility'), 'utf8')).toBe('8.0');
  });

  it('is given the time to close its files', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod.replace('"$@"', '"$@" --closes-slowly'));
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    await (await startEmbedded(options)).stop();
    expect(await filesIn(join(options.dataDir, 'mongod'))).toContain('closed');
  });

  it.each([
    ['exit 127', 'exit code 127: a program or a library that it needs is missing on this system'],
    ['exit 62', 'exit code 62: it cannot open data that so much older or newer a version has written'],
    ['kill -ILL $$', 'SIGILL: this processor lacks instructions that it needs, as AVX for mongod since 5.0'],
  ])('says what "%s" means', async (end, meaning) => {
    const bin = await temporaryFolder();
    const version = 'case "$1" in --version) echo db version v8.0.4; exit 0;; esac';
    await writeExecutable(join(bin, 'mongod'), `#!/bin/sh\n${version}\n${end}\n`);
    await writeExecutable(join(bin, 'java'), '#!/bin/sh\nexit 1\n');
    onlyOnPath(bin);
    const failure = await startEmbedded(await optionsFor(await deadSite())).catch((error) => error);
    expect(failure.message).toContain(`mongod on PATH: it ended with ${meaning}`);
  });

  it('downloads a real mongod, once', async () => {
    await withoutPrograms('mongod');
    const site = await mirror();
    const lines: string[] = [];
    const options = await optionsFor(site.url, lines);
    for (let start = 1; start <= 2; start++) {
      const embedded = await startEmbedded(options);
      expect(embedded.engines).toEqual([
        { engine: 'MongoDB', provider: 'downloaded mongod', version: '8.2.6' },
      ]);
      await embedded.stop();
    }
    expect(site.requests).toHaveLength(2);
    expect(site.requests[1]).toMatch(/\/mongodb-[\w-]+-8\.2\.6\.tgz$/);
    expect(lines.some((line) => line.startsWith('MongoDB 8.2.6: downloading'))).toBe(true);
  });

  it.runIf(process.platform === 'linux').each(['ubuntu2204', 'ubuntu2404'])(
    'takes the archive of %s where there is none for this system',
    async (name) => {
      await withoutPrograms('mongod');
      const archive = await tarball({ 'mongodb-any/bin/mongod': fakeMongod });
      const site = await downloadSite((path) => {
        if (!path.includes(`-${name}-`)) return undefined;
        return path.endsWith('.sha256') ? `${sha256(archive)}  archive.tgz\n` : archive;
      });
      const embedded = await startEmbedded(await optionsFor(site.url));
      expect(embedded.engines).toEqual([
        { engine: 'MongoDB', provider: 'downloaded mongod', version: '8.2.6' },
      ]);
      await embedded.stop();
      expect(site.requests.at(-1)).toMatch(new RegExp(`/mongodb-linux-\\w+-${name}-8\\.2\\.6\\.tgz$`));
    },
  );

  it('throws away an archive that is not what the publisher says', async () => {
    await withoutPrograms('mongod', 'java');
    const site = await mirror(() => sha256('something else'));
    const options = await optionsFor(site.url);
    const failure = await startEmbedded(options).catch((error) => error);
    expect(failure.message).toContain("downloaded mongod: the archive does not have the publisher's SHA-256");
    expect(await filesIn(options.cacheDir)).toEqual([]);
  });

  it('lists every provider with its reason and the ways out when none works', async () => {
    await withoutPrograms('mongod', 'java');
    const failure = await startEmbedded(await optionsFor(await deadSite())).catch((error) => error);
    expect(failure.code).toBe('UNAVAILABLE');
    expect(failure.message.split('\n').slice(0, 4)).toEqual([
      'MongoDB could not be provided. Tried in this order:',
      '  - mongod on PATH: mongod failed (exit code 127: a program or a library that it needs is missing on this system)',
      '  - downloaded mongod: the download site cannot be reached',
      '  - mongo-java-server: java failed (exit code 127: a program or a library that it needs is missing on this system)',
    ]);
    expect(failure.message).toContain('MONGODB_URI');
    expect(failure.message).toContain('Java 17');
  });

  it('stays with the engine that holds the data, or refuses and says how to go on', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'mongod'), fakeMongod);
    onlyOnPath(bin);
    const options = await optionsFor(await deadSite());
    const stored = { mongodb: { rung: 'downloaded mongod', version: '8.2.6' } };
    await writeFile(join(options.dataDir, 'engines.json'), JSON.stringify(stored));
    const failure = await startEmbedded(options).catch((error) => error);
    expect(failure.code).toBe('UNAVAILABLE');
    expect(failure.message).toContain('filled by "downloaded mongod" 8.2.6');
    expect(failure.message).toContain('KILN_DATA_DIR');
    expect(JSON.parse(await readFile(join(options.dataDir, 'engines.json'), 'utf8'))).toEqual(stored);
  });
});
