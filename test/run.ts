import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { watchParent } from '../src/embedded/parent-watch.ts';

/*
 * What `npm test` runs: format and lint, types, then every test file (or those that the arguments
 * name). The last line is always `N passed, N failed`; each stage counts as one test.
 */

interface Counts {
  passed: number;
  failed: number;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COLORS = `--colors=${process.stdout.isTTY ? 'force' : 'off'}`;
const TOOLS = {
  biome: 'node_modules/@biomejs/biome/bin/biome',
  tsc: 'node_modules/typescript/bin/tsc',
  vitest: 'node_modules/vitest/vitest.mjs',
};

/** Runs a tool with this very Node, its output going where ours goes. @returns whether it succeeded. */
async function run(tool: keyof typeof TOOLS, args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, [TOOLS[tool], ...args], { cwd: ROOT, stdio: 'inherit' });
  const stop = () => child.kill('SIGTERM');
  process.on('SIGTERM', stop);
  watchParent(stop);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.on('error', () => resolve(false));
  child.on('exit', (code) => resolve(code === 0));
  const succeeded = await promise;
  process.off('SIGTERM', stop);
  return succeeded;
}

/** @returns what the stage adds to the count, itself included. */
async function stage(name: string, work: () => Promise<{ ok: boolean } & Partial<Counts>>): Promise<Counts> {
  console.log(`\n── ${name}`);
  const began = performance.now();
  const { ok, passed = 0, failed = 0 } = await work();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${ok ? '✓' : '✗'} ${name} (${seconds} s)`);
  return { passed: passed + Number(ok), failed: failed + Number(!ok) };
}

/** Vitest's own counts; a file that does not even load has no tests to count, but fails. */
async function testFiles(filters: string[]): Promise<{ ok: boolean } & Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-report-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const ok = await run('vitest', ['run', ...reporters, ...filters]);
    const { numPassedTests, numFailedTests } = JSON.parse(await readFile(report, 'utf8'));
    return { ok, passed: numPassedTests, failed: numFailedTests };
  } catch {
    // Without a report there is nothing to count: the stage itself says that it failed.
    return { ok: false, passed: 0, failed: 0 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const stages = [
  await stage('format and lint', async () => ({ ok: await run('biome', ['ci', COLORS, '.']) })),
  await stage('types', async () => ({ ok: await run('tsc', ['--noEmit']) })),
  await stage('tests', () => testFiles(process.argv.slice(2))),
];
const passed = stages.reduce((sum, counts) => sum + counts.passed, 0);
const failed = stages.reduce((sum, counts) => sum + counts.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
