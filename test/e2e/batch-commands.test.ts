import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, picture } from '../support/service/client.ts';
import { createCommandLine } from '../support/service/command-line.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
} from '../support/service/kiln-process.ts';
import { unzip } from '../support/service/unzip.ts';

let kiln: KilnProcess;
let run: ReturnType<typeof createCommandLine>['run'];
let json: ReturnType<typeof createCommandLine>['json'];
let work: string;
let files: string[];

beforeAll(async () => {
  work = await newDataDir();
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-batch-commands' });
  ({ run, json } = createCommandLine(kiln.dataDir));
  const whole = await picture(60, 40);
  files = await write(work, { 'a.png': whole, 'b.png': whole.subarray(0, 90), 'c.png': whole });
});
afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
  await removeDataDir(work);
});

async function write(folder: string, contents: Record<string, Buffer>): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  return Promise.all(
    Object.entries(contents).map(async ([name, bytes]) => {
      await writeFile(join(folder, name), bytes);
      return join(folder, name);
    }),
  );
}

const lastOf = async () => (await json('batches', 'list', '-n', '1'))[0];

describe('kiln batches convert', () => {
  it('says so while there are none', async () => {
    expect(await run('batches', 'list')).toMatchObject({ code: 0, out: 'There are no batches yet.\n' });
  });

  it('puts each result beside its file, and tells what failed', async () => {
    const { code, out, err } = await run('batches', 'convert', ...files, '--to', 'webp', '--set', 'width=30');
    const [a, c] = [join(work, 'a.webp'), join(work, 'c.webp')];
    const lines = out.trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual([a, c]);
    for (const line of lines) expect(line).toContain('(30 × 20, ');
    for (const path of [a, c])
      expect(await sharp(await readFile(path)).metadata()).toMatchObject({ format: 'webp', width: 30 });
    const { batchId } = await lastOf();
    expect([code, err.trim().split('\n')]).toEqual([
      1,
      [
        `${files[1]}: The file is damaged or not a complete PNG picture. (CORRUPT_INPUT)`,
        `kiln: The batch is partial: 2 of 3 ready, 1 failed. See \`kiln batches show ${batchId}\`.`,
      ],
    ]);
  });

  it('replaces nothing unless told to, and sends nothing before it is sure', async () => {
    const before = await json('batches', 'list');
    const [a = '', , c = ''] = files;
    expect(await run('batches', 'convert', a, c, '--to', 'webp')).toMatchObject({
      code: 2,
      out: '',
      err: `kiln: ${join(work, 'a.webp')} is already there. Choose a folder with --output, or replace it with --force.\n`,
    });
    expect(await json('batches', 'list')).toEqual(before);
    expect(await run('batches', 'convert', a, c, '--to', 'webp', '--force')).toMatchObject({
      code: 0,
      err: '',
    });
    expect(await sharp(await readFile(join(work, 'a.webp'))).metadata()).toMatchObject({ width: 60 });
  });

  it('fetches one ZIP into a folder that it makes', async () => {
    const folder = join(work, 'out', 'zips');
    const convert = ['batches', 'convert', ...files, '--to', 'jpg', '--archive', '--output', folder];
    const { code, out, err } = await run(...convert, '--label', 'Spring/1', '--json');
    expect(await readdir(folder)).toEqual(['Spring_1.zip']);
    const entries = await unzip(await readFile(join(folder, 'Spring_1.zip')));
    expect([...entries.keys()]).toEqual(['a.jpg', 'c.jpg']);
    for (const bytes of entries.values())
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 60 });
    expect([code, err.trim().split('\n').length]).toEqual([1, 2]);
    expect(JSON.parse(out)).toMatchObject({
      label: 'Spring/1',
      status: 'PARTIAL',
      savedAs: join(folder, 'Spring_1.zip'),
      jobs: files.map((file, i) => ({ file, status: i === 1 ? 'FAILED' : 'READY', savedAs: null })),
      failures: [{ file: files[1], code: 'CORRUPT_INPUT' }],
    });
    expect((await run(...convert, '--label', 'Spring/1')).err).toContain('Spring_1.zip is already there.');
    // All of one name: only an archive can tell them apart.
    const same = await write(join(work, 'other'), { 'a.png': await picture(20, 20) });
    const both = await run(
      'batches',
      'convert',
      files[0] ?? '',
      ...same,
      '--to',
      'webp',
      '--archive',
      '-o',
      folder,
    );
    expect(both).toMatchObject({ code: 0, err: '' });
    expect(both.out).toMatch(/results\.zip \(2 files, .+B\)\n$/);
    expect([...(await unzip(await readFile(join(folder, 'results.zip')))).keys()]).toEqual([
      'a.webp',
      'a (2).webp',
    ]);
  });

  it('sends more files than it sends at a time', async () => {
    const names = Array.from({ length: 13 }, (_, i) => `${i + 10}.png`);
    const bytes = await picture(16, 16);
    const many = await write(join(work, 'many'), Object.fromEntries(names.map((name) => [name, bytes])));
    const folder = join(work, 'made');
    const { jobs } = await json('batches', 'convert', ...many, '--to', 'gif', '-o', folder);
    expect(jobs.map(({ savedAs }: { savedAs: string }) => savedAs)).toEqual(
      names.map((name) => join(folder, name.replace('png', 'gif'))),
    );
    expect((await readdir(folder)).toSorted()).toEqual(names.map((name) => name.replace('png', 'gif')));
  });

  it('waits for no file that it could not send', async () => {
    // It says that it has 4,096 bytes and gives fewer.
    const shrinking = '/sys/devices/system/cpu/online';
    const folder = join(work, 'shrunk');
    const { code, err } = await run('batches', 'convert', shrinking, ...files, '-t', 'webp', '-o', folder);
    expect(code).toBe(1);
    expect(err).toMatch(/^\/sys\/devices\/system\/cpu\/online: It could not be sent: .+ \(CANCELLED\)$/m);
    expect(err).toContain('The batch is partial: 2 of 4 ready, 1 failed, 1 cancelled.');
    expect((await readdir(folder)).toSorted()).toEqual(['a.webp', 'c.webp']);
  });

  it('does not begin what the service refuses', async () => {
    const { code, out, err } = await run('batches', 'convert', files[0] ?? '', '--to', 'docx', '--force');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^kiln: Job 1: .+ \(UNSUPPORTED_CONVERSION\)\n$/);
    const { accountId } = await json('accounts', 'create', '--name', 'Bo', '--plan', 'basic');
    const { apiKey } = await json('keys', 'create', '--account', accountId, '--name', 'x');
    const refused = await run('batches', 'convert', ...files, '-t', 'webp', '-f', '--api-key', apiKey);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(/^kiln: .+ \(FORBIDDEN\)\n$/);
    for (const command of ['show', 'watch', 'cancel', 'retry'])
      expect(await run('batches', command, (await lastOf()).batchId, '--api-key', apiKey)).toMatchObject({
        code: 1,
        out: '',
        err: 'kiln: There is no such batch. Check the id: it must name something of yours that is still there. (NOT_FOUND)\n',
      });
  });
});

describe('kiln batches list, show and watch', () => {
  it('show what became of a batch', async () => {
    await run('batches', 'convert', ...files, '-t', 'png', '-l', 'Shown', '-a', '-o', join(work, 'shown'));
    const { batchId } = await lastOf();
    const row = new RegExp(`${batchId} +\\S+Z +Shown +partial +2 of 3 ready, 1 failed\n`);
    expect((await run('batches', 'list')).out).toMatch(row);

    const { out } = await run('batches', 'show', batchId);
    expect(out).toMatch(row);
    expect(out).toMatch(/ a\.png +png +ready\n/);
    expect(out).toMatch(/ b\.png +png +failed +CORRUPT_INPUT\n/);
    const [, link = ''] = /^Shown\.zip \(.+\): (http\S+)$/m.exec(out) ?? [];
    const archive = await fetch(link);
    expect([...(await unzip(Buffer.from(await archive.arrayBuffer()))).keys()]).toEqual(['a.png', 'c.png']);
    expect(await json('batches', 'show', batchId)).toMatchObject({
      batchId,
      label: 'Shown',
      jobs: [{ status: 'READY' }, { error: { code: 'CORRUPT_INPUT' } }, { status: 'READY' }],
    });

    expect(await run('batches', 'watch', batchId)).toMatchObject({
      code: 1,
      err: `kiln: The batch is partial: 2 of 3 ready, 1 failed. See \`kiln batches show ${batchId}\`.\n`,
    });
    const events = (await run('batches', 'watch', batchId, '--json')).out.trim().split('\n');
    expect(events.map((line) => JSON.parse(line).kind)).toEqual([
      'STATUS',
      'JOB',
      'JOB',
      'JOB',
      'ARCHIVE',
      'STATUS',
    ]);
  });

  it('say in one line why a job or a batch cannot be watched', async () => {
    const nobody = '019b0000-0000-7000-8000-000000000000';
    for (const command of [['watch'], ['batches', 'watch']])
      expect((await run(...command, nobody)).err).toMatch(/^kiln: There is no such .+ \(NOT_FOUND\)\n$/);
    const { code, err } = await run('batches', 'watch', nobody, '--api-key', 'wrong');
    expect([code, err]).toEqual([
      1,
      `kiln: The connection to ${kiln.url} was lost: The API key is not valid.\n`,
    ]);
  });

  it('follow a batch that runs', async () => {
    const bytes = await noise(900, 900);
    const names = Array.from({ length: 8 }, (_, i) => `${i}.png`);
    const large = await write(join(work, 'large'), Object.fromEntries(names.map((name) => [name, bytes])));
    const before = (await lastOf()).batchId;
    const converting = run('batches', 'convert', ...large, '--to', 'webp');
    while ((await lastOf()).batchId === before);
    const { batchId } = await lastOf();
    expect(await run('batches', 'watch', batchId)).toMatchObject({
      code: 0,
      out: 'The batch is ready: 8 of 8 ready.\n',
    });
    expect((await converting).code).toBe(0);
  });
});

describe('kiln batches cancel and retry', () => {
  it('end a batch, and do it again', async () => {
    const { batchId, uploads } = await prepareTwo();
    expect(await run('batches', 'retry', batchId)).toMatchObject({ code: 1 });
    expect((await run('batches', 'cancel', batchId)).out).toBe(
      'The batch is being cancelled; 2 of 2 files had not ended.\n',
    );
    expect((await run('batches', 'watch', batchId)).err).toContain(
      'The batch is cancelled: 0 of 2 ready, 2 cancelled.',
    );
    expect((await run('batches', 'cancel', batchId)).out).toBe(
      'The batch is cancelled: 0 of 2 ready, 2 cancelled.\n',
    );
    expect((await fetch(uploads[0] ?? '', { method: 'PUT', body: 'late' })).ok).toBe(false);

    const { code, out } = await run('batches', 'retry', batchId);
    const [, again = ''] = /^2 files are done again as batch (\S+)\.\n/.exec(out) ?? [];
    expect(code).toBe(0);
    const places = [...out.matchAll(/^(\S+\.png)\n {2}PUT (\S+)\n {2}POST (\S+)$/gm)];
    expect(places.map(([, name]) => name)).toEqual(['one.png', 'two.png']);
    const bytes = await picture(20, 10);
    for (const [, , put = '', post = ''] of places) {
      expect((await fetch(put, { method: 'PUT', body: Uint8Array.from(bytes) })).status).toBe(200);
      expect((await fetch(post, { method: 'POST' })).status).toBe(200);
    }
    expect(await run('batches', 'watch', again)).toMatchObject({ code: 0 });
    expect(await json('batches', 'show', again)).toMatchObject({
      retryOf: batchId,
      counts: { total: 2, ready: 2 },
    });
    const refused = await run('batches', 'retry', again);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('(WRONG_STATE)')]);
  });
});

/** A batch of two files that are never sent, made by its own API. */
async function prepareTwo(): Promise<{ batchId: string; uploads: string[] }> {
  const { length: size } = await picture(20, 10);
  const jobRequest = (filename: string) =>
    `{ upload: { filename: "${filename}", mime: "image/png", size: ${size} }, target: "webp" }`;
  const answer = await fetch(`${kiln.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': kiln.credentials.apiKey },
    body: JSON.stringify({
      query: `mutation { createBatch(input: { jobs: [${jobRequest('one.png')}, ${jobRequest('two.png')}] }) {
        ... on CreateBatchSuccess { batch { batchId } jobs { upload { url } } } } }`,
    }),
  });
  const { batch, jobs } = (await answer.json()).data.createBatch;
  return {
    batchId: batch.batchId,
    uploads: jobs.map(({ upload }: { upload: { url: string } }) => upload.url),
  };
}
