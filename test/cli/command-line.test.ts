import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VARIABLES } from '../../src/config/variables.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
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
    for (const command of ['convert', 'jobs', 'watch', 'formats', 'doctor', 'start'])
      expect(stdout).toContain(command);
  });

  it.each([
    [['convrt', 'a.png'], "error: unknown command 'convrt'"],
    [['convert', 'a.png'], "error: required option '-t, --to <format>' not specified"],
    [['formats', '--xml'], "error: unknown option '--xml'"],
    [['jobs', '--limit', 'many'], 'It must be a whole number from 1 to 100.'],
    [['credits', 'grant', 'a', '1.5'], 'It must be a whole number of at least 1.'],
  ])('answers %j with 2 and a way out', async (args, message) => {
    const { code, stderr } = await kiln(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain('Run `kiln --help`');
  });

  it('says how to find a service when none runs', async () => {
    const { code, stderr } = await kiln(['jobs']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'kiln: No Kiln runs on this data folder. Start one with `npm start`, or name one with --url (or KILN_URL).\n',
    );
  });

  it('says so when nothing answers', async () => {
    const { code, stderr } = await kiln(['jobs'], { KILN_URL: 'http://127.0.0.1:1', KILN_API_KEY: 'any' });
    expect(code).toBe(1);
    expect(stderr).toContain('Kiln does not answer at http://127.0.0.1:1.');
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
    expect(stdout).toContain('KILN_PORT must be a port, 0 for any free one');
    expect(stdout).toContain('Kiln cannot work here yet: variables');
  });
});
