import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
} from '../support/service/kiln-process.ts';
import { unzip } from '../support/service/unzip.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What the blocks use of a checkout. The data folder and the results are the test's own. */
const USED = ['package.json', 'bootstrap', 'src', 'docs', 'node_modules'];

/** Less than the test may take, so that the shell says how far it came. */
const TIMEOUT_MS = 180_000;

let checkout: string;
let kiln: KilnProcess;

beforeAll(async () => {
  checkout = await newDataDir();
  for (const name of USED) await symlink(join(ROOT, name), join(checkout, name));
  const dataDir = join(checkout, '.kiln');
  await mkdir(dataDir);
  kiln = await startKilnProcess({ dataDir, mark: 'e2e-readme' });
});
afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(checkout);
});

/** The shell blocks of a chapter of the README, as they stand there. */
async function blocksOf(chapter: string): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [text = ''] = readme.split(`\n## ${chapter}\n`).at(1)?.split('\n## ') ?? [];
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

/** Pastes blocks into one shell, which ends at the first command that fails. @returns what it printed. */
async function paste(blocks: string[]): Promise<string> {
  const { KILN_URL: _url, KILN_API_KEY: _key, KILN_DATA_DIR: _dataDir, ...inherited } = process.env;
  const env = {
    ...inherited,
    // Nothing of a command of this checkout lies in a registry, nor should it stay in the user's cache.
    npm_config_offline: 'true',
    npm_config_cache: join(checkout, 'npm-cache'),
  };
  const options = { cwd: checkout, env, timeout: TIMEOUT_MS };
  return (await promisify(execFile)('sh', ['-eux', '-c', blocks.join('\n')], options)).stdout;
}

const result = (name: string) => readFile(join(checkout, 'demo-out', name));
const pictureOf = async (bytes: Buffer) => {
  const { format, width, height } = await sharp(bytes).metadata();
  return { format, width, height };
};

describe('the first calls of the README', () => {
  it('do what it says, pasted from the top down', async () => {
    const blocks = await blocksOf('First calls');
    expect(blocks.length).toBeGreaterThan(10);
    // zsh, as it comes, takes a comment for arguments.
    expect(blocks.filter((block) => /(?:^|\s)#/m.test(block))).toEqual([]);
    const said = await paste(blocks);

    // The command line.
    expect(await pictureOf(await result('photo.webp'))).toEqual({ format: 'webp', width: 800, height: 600 });
    expect(await pictureOf(await result('mark.png'))).toEqual({ format: 'png', width: 128, height: 128 });
    expect(await pictureOf(await result('scene.png'))).toEqual({ format: 'png', width: 1600, height: 1000 });
    // GraphQL.
    expect(await pictureOf(await result('photo.jpg'))).toEqual({ format: 'jpeg', width: 800, height: 600 });
    const events = [...said.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data).data);
    expect(events.filter((event) => event?.jobEvents).at(-1)?.jobEvents.status).toBe('READY');
    // A batch.
    expect(events.filter((event) => event?.batchEvents).at(-1)?.batchEvents.status).toBe('READY');
    const both = await unzip(await result('both.zip'));
    expect([...both.keys()]).toEqual(['photo.webp', 'mark.png']);
    // REST.
    expect(await pictureOf(await result('photo.png'))).toEqual({ format: 'png', width: 1200, height: 900 });
  });
});
