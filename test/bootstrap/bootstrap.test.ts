import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectProcess } from '../../bootstrap/process-table.js';
import { isAlive, temporaryFolder, until, writeExecutable } from '../embedded/stand-ins.ts';

const root = join(import.meta.dirname, '..', '..');
const MANIFEST = {
  name: 'trial',
  version: '1.0.0',
  type: 'module',
  scripts: { start: 'node bootstrap/kiln.js start' },
};
/** Records its arguments and takes its time, as an installation does. */
const NPM = '#!/bin/sh\necho "$@" >> npm.log\nsleep 0.5\nmkdir -p node_modules\n';

/** A project with our bootstrap, whose `start` is trial-start.ts, and an `npm` that installs nothing. */
async function trialProject(): Promise<{ folder: string; bin: string }> {
  const folder = await temporaryFolder();
  const bin = await temporaryFolder();
  await cp(join(root, 'bootstrap'), join(folder, 'bootstrap'), { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify(MANIFEST));
  await writeFile(join(folder, 'package-lock.json'), '{}');
  await mkdir(join(folder, 'src', 'process'), { recursive: true });
  const program = join(import.meta.dirname, 'trial-start.ts');
  await writeFile(join(folder, 'src', 'process', 'start.ts'), `await import(${JSON.stringify(program)});\n`);
  await writeExecutable(join(bin, 'npm'), NPM);
  return { folder, bin };
}

function run(folder: string, bin: string, command: string, ...args: string[]) {
  const { npm_execpath: _npm, npm_lifecycle_event: _event, ...env } = process.env;
  const path = [bin, dirname(process.execPath), env.PATH].join(delimiter);
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return { child, output: () => output, pidOfStart: () => pidOfStart(() => output) };
}

async function pidOfStart(output: () => string): Promise<number> {
  await until(() => output().includes('running '));
  return Number(/running (\d+)/.exec(output())?.[1]);
}

const exitCodeOf = async (child: ChildProcess) => child.exitCode ?? (await once(child, 'exit'))[0];
const bootstrap = (...args: string[]) => ['bootstrap/kiln.js', ...args];
const installations = async (folder: string) =>
  (await readFile(join(folder, 'npm.log'), 'utf8')).trim().split('\n');

describe('the bootstrap', () => {
  it('installs what is locked before the first command, and again when the lock changes', async () => {
    const { folder, bin } = await trialProject();
    const start = () =>
      exitCodeOf(run(folder, bin, process.execPath, ...bootstrap('start', '--exit', '0')).child);
    await start();
    await start();
    expect(await installations(folder)).toEqual([
      expect.stringMatching(/^ci --ignore-scripts --include=dev /),
    ]);
    await writeFile(join(folder, 'package-lock.json'), '{"changed":true}');
    await start();
    expect(await installations(folder)).toHaveLength(2);
  });

  it('installs once when several commands come at a time, and takes over from a killed one', async () => {
    const { folder, bin } = await trialProject();
    const killed = spawn(process.execPath, ['--eval', '']);
    await once(killed, 'exit');
    await writeFile(join(folder, '.kiln-install.lock'), String(killed.pid));
    const commands = Array.from({ length: 3 }, () =>
      run(folder, bin, process.execPath, ...bootstrap('start', '--exit', '0')),
    );
    expect(await Promise.all(commands.map(({ child }) => exitCodeOf(child)))).toEqual([0, 0, 0]);
    expect(await installations(folder)).toHaveLength(1);
  });

  it('says that the installation failed', async () => {
    const { folder, bin } = await trialProject();
    await writeExecutable(join(bin, 'npm'), '#!/bin/sh\nexit 7\n');
    const { child, output } = run(folder, bin, process.execPath, ...bootstrap('start'));
    expect(await exitCodeOf(child)).toBe(1);
    expect(output()).toContain('kiln: npm ci failed with exit code 7.');
  });

  it.each([
    ['win32', "Object.defineProperty(process, 'platform', { value: 'win32' })", 'WSL 2'],
    ['musl', 'process.report.getReport = () => ({ header: {} })', 'Use the image'],
  ])('refuses %s before it downloads anything, and says what to use', async (_name, pretence, way) => {
    const { folder, bin } = await trialProject();
    await writeFile(join(folder, 'pretence.mjs'), pretence);
    const args = ['--import', './pretence.mjs', ...bootstrap('start')];
    const { child, output } = run(folder, bin, process.execPath, ...args);
    expect(await exitCodeOf(child)).toBe(1);
    expect(output()).toMatch(/^kiln: Kiln (?:does not run on Windows|needs a Linux with glibc)/);
    expect(output()).toContain(way);
    expect(existsSync(join(folder, 'npm.log'))).toBe(false);
  });

  it('passes the exit code on', async () => {
    const { folder, bin } = await trialProject();
    const { child } = run(folder, bin, process.execPath, ...bootstrap('start', '--exit', '42'));
    expect(await exitCodeOf(child)).toBe(42);
  });

  it('hands everything that is no command of its own to the CLI, unchanged', async () => {
    const { folder, bin } = await trialProject();
    await mkdir(join(folder, 'src', 'cli'));
    const program = 'process.stdout.write(JSON.stringify(process.argv.slice(2)))';
    await writeFile(join(folder, 'src', 'cli', 'main.ts'), program);
    for (const args of [['convert', 'a b.png', '', '--to=webp'], ['--help'], []]) {
      const { child, output } = run(folder, bin, process.execPath, ...bootstrap(...args));
      await exitCodeOf(child);
      expect(output()).toContain(JSON.stringify(args));
    }
  });

  it('passes SIGTERM on once, so that the stop is graceful', async () => {
    const { folder, bin } = await trialProject();
    const { child, pidOfStart } = run(folder, bin, process.execPath, ...bootstrap('start'));
    const pid = await pidOfStart();
    child.kill('SIGTERM');
    expect(await exitCodeOf(child)).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });

  it.each(['npm', 'bootstrap'])('leaves nothing behind when %s is killed', async (victim) => {
    const { folder, bin } = await trialProject();
    await exitCodeOf(run(folder, bin, process.execPath, ...bootstrap('start', '--exit', '0')).child);
    const { child, pidOfStart } = run(folder, dirname(process.execPath), 'npm', 'start');
    const start = await pidOfStart();
    const parent = inspectProcess(start)?.parent ?? 0;
    const family = [start, parent, inspectProcess(parent)?.parent ?? 0, child.pid ?? 0];
    process.kill(victim === 'npm' ? (child.pid ?? 0) : parent, 'SIGKILL');
    await until(() => !family.some(isAlive), 10_000);
  });
});
