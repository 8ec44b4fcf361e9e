import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, glob, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Option } from 'commander';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { positive } from '../arguments.ts';
import type { Drill } from './drill.ts';
import type { SeededFault } from './seeded-faults.ts';

interface Options {
  in: string;
  tests: string;
  project: string;
  faults: number;
  seed: number;
}

const ROOT = join(import.meta.dirname, '../..');
/** The share of faults that the tests should notice. */
const GOAL = 0.9;
/** A fault may make a loop endless, which is noticed as well. */
const LONGEST_MS = 300_000;
/** All but those that start whole services. */
const PROJECTS = ['plain', 'workflows', 'engines'];
const NOT_COPIED = new Set(['node_modules', '.git']);

/** Whether the tests notice what somebody might get wrong. */
export const drill: Drill<Options> = {
  name: 'mutations',
  about: 'one seeded fault after the other in a copy of the tree: the tests that import the file must fail',
  options: [
    new Option('--in <folder>', 'where the faults are').default('src/domain'),
    new Option('--tests <folder>', 'the tests that must notice them').default('test'),
    new Option('--project <name>', 'which kind of them').choices(PROJECTS).default('plain'),
    new Option('--faults <n>', 'how many').argParser(positive).default(40),
    new Option('--seed <n>', 'of the choice').argParser(positive).default(Date.now() % 2 ** 31),
  ],

  async run({ options, say }) {
    const { faultsIn, withFault } = await import('./seeded-faults.ts');
    const { copy, passes } = await openCopy(options);
    const texts = new Map<string, string>();
    for await (const path of glob(`${options.in}/**/*.ts`, { cwd: ROOT }))
      texts.set(path, await readFile(join(ROOT, path), 'utf8'));
    if (!(await passes([...texts.keys()]))) return ['the tests fail without any fault'];
    const chosen = someOf([...texts].flatMap(([path, text]) => faultsIn(path, text)).sort(byPlace), options);
    const missed: string[] = [];
    for (const [i, fault] of chosen.entries()) {
      const text = texts.get(fault.path) ?? '';
      await writeFile(join(copy, fault.path), withFault(text, fault));
      const line = `${fault.path}:${fault.line} ${shown(fault.before)} → ${shown(fault.after)}`;
      if (await passes([fault.path])) missed.push(line);
      say(`${i + 1} of ${chosen.length}, ${missed.at(-1) === line ? 'MISSED' : 'noticed'}: ${line}`);
      await writeFile(join(copy, fault.path), text);
    }
    const share = 1 - missed.length / chosen.length;
    say(`${chosen.length - missed.length} of ${chosen.length} noticed: ${(share * 100).toFixed(0)} %`);
    return share >= GOAL ? [] : missed.map((line) => `nobody notices ${line}`);
  },
};

/** A copy of the tree, removed when this process ends, and its tests. */
async function openCopy({ tests, project }: Options) {
  const copy = await mkdtemp(join(tmpdir(), 'kiln-mutations-'));
  let running: ChildProcess | undefined;
  process.once('exit', () => {
    if (running) end(running);
    rmSync(copy, { recursive: true, force: true });
  });
  await cp(ROOT, copy, { recursive: true, filter: (from) => !NOT_COPIED.has(basename(from)) });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

  /** Whether the tests pass that import one of these files. */
  async function passes(paths: readonly string[]): Promise<boolean> {
    const options = ['--run', `--project=${project}`, '--bail=1', '--passWithNoTests', `--dir=${tests}`];
    const child = spawn(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'related', ...paths, ...options],
      // In a group of its own, so that its workers end with it.
      { cwd: copy, stdio: 'ignore', detached: true },
    );
    running = child;
    const timer = setTimeout(() => end(child), LONGEST_MS);
    const [code] = await once(child, 'exit');
    clearTimeout(timer);
    running = undefined;
    return code === 0;
  }
  return { copy, passes };
}

function end({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

function someOf(all: readonly SeededFault[], { faults, seed }: Options): SeededFault[] {
  const random = seededRandom(seed);
  const left = [...all];
  const count = Math.min(faults, left.length);
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat();
}

function byPlace(left: SeededFault, right: SeededFault): number {
  return left.path < right.path ? -1 : Number(left.path > right.path) || left.start - right.start;
}

function shown(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
