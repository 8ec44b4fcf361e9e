import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VARIABLES } from '../../../src/config/variables.ts';

const main = join(import.meta.dirname, '../../../src/cli/main.ts');
let dataDir = '';

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kiln-cli-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** Runs the command line as a user does. */
async function kiln(args: string[], env: Record<string, string> = {}) {
  const inherited = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...inherited, KILN_DATA_DIR: dataDir, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

describe('the command line', () => {
  it('lists its commands', async () => {
    const { code, stdout } = await kiln(['--help']);
    expect(code).toBe(0);
    for (const command of ['convert', 'batches', 'jobs', 'watch', 'formats', 'doctor', 'start'])
      expect(stdout).toContain(command);
  });

  it.each([
    [['convrt', 'a.png'], "unknown command 'convrt' (Did you mean convert?)", 'kiln'],
    [['convert', 'a.png'], "required option '-t, --to <format>' not specified", 'kiln convert'],
    [['formats', '--xml'], "unknown option '--xml'", 'kiln formats'],
    [['jobs', '--limit', 'many'], 'It must be a whole number from 1 to 100', 'kiln jobs'],
    [
      ['accounts'],
      'accounts needs a command: list, create, rename, link, unlink, end-sessions, set-plan',
      'kiln accounts',
    ],
    [['accounts', 'create', '--name'], "option '--name <name>' argument missing", 'kiln accounts create'],
    [['accounts', 'create', '--name', 'x', '--plan', 'gold'], 'free, basic, pro', 'kiln accounts create'],
    [['accounts', 'create', '--name', 'x', '--credits', '-1'], 'whole numbers', 'kiln accounts create'],
    [['credits', 'grant', 'a', '1.5'], 'Credits move in whole numbers from 1', 'kiln credits grant'],
    [['credits', 'grant', 'a', '2000000000'], 'from 1 to 1000000000', 'kiln credits grant'],
    [['keys', 'create', '--name', 'x', '--restrict', 'moon=1'], 'ip=<address', 'kiln keys create'],
    [['keys', 'create', '--name', 'x', '--restrict', 'ip=a'], '"a" is not an IP address', 'kiln keys create'],
    [['plans', 'edit', 'gold', '--set', 'api=true'], 'guest, free, basic', 'kiln plans edit'],
    [['convert', 'a.png', '--to', 'webp', '--set', 'width'], 'the form name=value', 'kiln convert'],
    [['batches'], 'batches needs a command: convert, list, show, watch, cancel, retry', 'kiln batches'],
    [['batches', 'list', '--limit', '0'], 'a whole number from 1 to 100', 'kiln batches list'],
    [['batches', 'show'], "missing required argument 'batchId'", 'kiln batches show'],
    [['batches', 'watch'], "missing required argument 'batchId'", 'kiln batches watch'],
    [['batches', 'cancel'], "missing required argument 'batchId'", 'kiln batches cancel'],
    [['batches', 'retry', 'a', 'b'], 'too many arguments', 'kiln batches retry'],
    [['batches', 'convert', '--to', 'webp'], "missing required argument 'files'", 'kiln batches convert'],
    [['batches', 'convert', 'a.png'], "required option '-t, --to <format>'", 'kiln batches convert'],
    [['batches', 'convert', 'a', '-t', 'webp', '-s', '=1'], 'the form name=value', 'kiln batches convert'],
    [['batches', 'convert', 'a', '-t', 'webp', '-l', 'x'.repeat(81)], 'at most 80', 'kiln batches convert'],
  ])('answers %j with 2, in one line, and says where to read on', async (args, message, command) => {
    const { code, stdout, stderr } = await kiln(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^kiln: .+\n$/);
    expect(stderr).toContain(message);
    expect(stderr.trim().endsWith(`. See \`${command} --help\`.`), stderr).toBe(true);
  });

  it('takes as many files as a batch may have', async () => {
    const files = Array.from({ length: 1001 }, (_, i) => `${i}.png`);
    expect(await kiln(['batches', 'convert', ...files, '--to', 'webp'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'kiln: a batch has at most 1000 files, not 1001. See `kiln batches convert --help`.\n',
    });
  });

  it('says how to find a service when none runs', async () => {
    const { code, stderr } = await kiln(['jobs']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'kiln: No Kiln runs on this data folder. Start one with `npm start`, or name one with --url (or KILN_URL).\n',
    );
  });

  it.each<[string, string[], Record<string, string>, string]>([
    ['nothing answers', ['jobs'], { KILN_API_KEY: 'any' }, 'Kiln does not answer at http://127.0.0.1:1.'],
    ['nobody says who asks', ['jobs'], {}, 'There is no API key to call it with.'],
    ['the operator has no token', ['accounts', 'list'], {}, 'There is no admin token to call it with.'],
    ['the URL is none', ['plans', 'list'], { KILN_URL: 'here' }, '"here" is not a URL.'],
    ['no account is named', ['keys', 'list'], {}, 'No account is named.'],
    ['a file is none', ['plans', 'apply', '/nothing'], {}, '/nothing cannot be read as plans.'],
    ['a picture is none', ['convert', '/nothing.png', '-t', 'webp'], { KILN_API_KEY: 'any' }, '/nothing.png'],
    ['one of many is none', ['batches', 'convert', main, '/no.png', '-t', 'webp'], {}, '/no.png cannot be'],
    ['a folder is named', ['batches', 'convert', import.meta.dirname, '-t', 'webp'], {}, 'is not a file.'],
    ['a result is there already', ['batches', 'convert', main, '-t', 'ts'], {}, 'main.ts is already there.'],
    [
      'two results would be one',
      ['batches', 'convert', 'a.png', './A.jpg', '-t', 'webp'],
      {},
      'a.png and ./A.jpg would both become A.webp. Convert them apart, or fetch one ZIP with --archive.',
    ],
    ['the batches are nowhere', ['batches', 'list'], { KILN_API_KEY: 'any' }, 'Kiln does not answer at'],
  ])('ends with 2 and one line when %s', async (_what, args, env, message) => {
    const { code, stderr } = await kiln(args, { KILN_URL: 'http://127.0.0.1:1', ...env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^kiln: .+\n$/);
    expect(stderr).toContain(message);
  });

  it('knows the formats without a service', async () => {
    const { code, stdout } = await kiln(['formats', '--json']);
    expect(code).toBe(0);
    const formats: { id: string; targets: string[] }[] = JSON.parse(stdout);
    expect(formats.find(({ id }) => id === 'heic')?.targets).toEqual(
      expect.arrayContaining(['jpg', 'png', 'webp']),
    );
  });
});

describe('kiln doctor', () => {
  it('shows engines that work and every variable, but no secret', async () => {
    const secret = Buffer.alloc(32, 7).toString('base64');
    const { code, stdout } = await kiln(['doctor', '--json'], {
      KILN_MASTER_KEY: secret,
      MONGODB_URI: 'mongodb://user:hunter2@127.0.0.1:1/kiln',
    });
    const { healthy, sections, variables } = JSON.parse(stdout);
    expect(variables.map(({ name }: { name: string }) => name)).toEqual(Object.keys(VARIABLES));
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain('hunter2');
    const findings = sections.flatMap((section: { findings: object[] }) => section.findings);
    expect(findings).toContainEqual(expect.objectContaining({ name: 'sharp', state: 'ok' }));
    expect(findings).toContainEqual(expect.objectContaining({ name: 'magick', state: 'ok' }));
    // Nothing listens on port 1.
    expect(findings).toContainEqual({
      name: 'MongoDB',
      state: 'missing',
      found: 'nothing answers at 127.0.0.1:1',
      fix: 'Start it, or correct MONGODB_URI.',
    });
    expect(healthy).toBe(false);
    expect(code).toBe(1);
  });

  it('reports a faulty configuration as a finding', async () => {
    const { code, stdout } = await kiln(['doctor'], { KILN_PORT: 'eighty' });
    expect(code).toBe(1);
    expect(stdout).toContain('KILN_PORT must be a port up to 65535, 0 for any free one');
    expect(stdout).toContain('Kiln cannot work here yet: variables');
  });
});
