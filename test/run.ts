import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { watchParent } from '../src/embedded/process/parent-watch.ts';
import { QUICK } from './support/quick.ts';

/*
 * What `npm test` runs: format and lint, types, then every test file (or those that the arguments
 * name; `quick` names all but those that start and kill whole services or race for minutes).
 * The last line is always `N passed, N failed`; each stage counts as one test.
 */

interface Counts {
  passed: number;
  failed: number;
}

interface Outcome extends Partial<Counts> {
  ok: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = 'node_modules/@biomejs/biome/bin/biome';
const TSC = 'node_modules/typescript/bin/tsc';
const COLORS = process.stdout.isTTY ? 'force' : 'off';

/** Runs a tool with this very Node, its output going where ours goes. */
async function run(tool: string, ...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [tool, ...args], { cwd: ROOT, stdio: 'inherit' });
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  child.on('error', () => resolve({ ok: false }));
  child.on('exit', (code) => resolve({ ok: code === 0 }));
  return promise;
}

/** A file that does not even load has no tests to count, but it fails the stage. */
async function testFiles(args: string[]): Promise<Outcome> {
  const filters = args.filter((arg) => arg !== 'quick');
  const selection = filters.length < args.length ? QUICK : {};
  const vitest = await startVitest('test', filters, { root: ROOT, watch: false, ...selection });
  const modules = vitest.state.getTestModules();
  const states = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => test.result().state),
  );
  const errors = vitest.state.getUnhandledErrors().length;
  await vitest.close();
  return {
    ok: modules.length > 0 && modules.every((module) => module.ok()) && errors === 0,
    passed: states.filter((state) => state === 'passed').length,
    failed: states.filter((state) => state === 'failed').length,
  };
}

/** @returns what the stage adds to the count, itself included. */
async function stage(name: string, work: () => Promise<Outcome>): Promise<Counts> {
  console.log(`\n── ${name}`);
  const began = performance.now();
  const { ok, passed = 0, failed = 0 } = await work();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${ok ? '✓' : '✗'} ${name} (${seconds} s)`);
  return { passed: passed + Number(ok), failed: failed + Number(!ok) };
}

// The engines of the tests go with this process; nobody is left to read what they would find.
watchParent(() => process.exit(1));
const stages = [
  await stage('format and lint', () => run(BIOME, 'ci', `--colors=${COLORS}`, '.')),
  await stage('types', () => run(TSC, '--noEmit')),
  await stage('tests', () => testFiles(process.argv.slice(2))),
];
const passed = stages.reduce((sum, counts) => sum + counts.passed, 0);
const failed = stages.reduce((sum, counts) => sum + counts.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
