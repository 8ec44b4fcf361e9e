import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, glob, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Option } from 'commander';
import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
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
/** Time limit of one run: a fault may make a loop endless, which counts as noticed. */
const LONGEST_MS = 300_000;
/** All test projects but the one that starts whole services. */
const PROJECTS = ['plain', 'workflows', 'engines'];
const NOT_COPIED = new Set(['node_modules', '.git']);

/** Measures which share of seeded faults the tests notice. */
export const drill: Drill<Options> = {
  name: 'mutations',
  about: 'one seeded fault after the other in a copy of the tree: the tests that import the file must fail',
  options: [
    new Option('--in <folder>', 'where the faults are').default('src/domain'),
    new Option(
      '--tests <places>',
      'the tests that must notice them: folders or files, with commas between',
    ).default('test'),
    new Option('--project <name>', 'which kind of them').choices(PROJECTS).default('plain'),
    new Option('--faults <n>', 'how many').argParser(positive).default(40),
    new Option('--seed <n>', 'of the choice').argParser(positive).default(Date.now() % 2 ** 31),
  ],

  async run({ options, say }) {
    const { faultsIn, withFault } = await import('./seeded-faults.ts');
    const { copy, failureOf } = await openCopy(options, await enginesOf(options));
    const texts = new Map<string, string>();
    for await (const path of glob(`${options.in}/**/*.ts`, { cwd: ROOT }))
      texts.set(path, await readFile(join(ROOT, path), 'utf8'));
    const faultless = await failureOf([...texts.keys()]);
    if (faultless !== null) return [`the tests fail without any fault: ${faultless}`];
    const chosen = someOf([...texts].flatMap(([path, text]) => faultsIn(path, text)).sort(byPlace), options);
    const missed: string[] = [];
    for (const [i, fault] of chosen.entries()) {
      const text = texts.get(fault.path) ?? '';
      await writeFile(join(copy, fault.path), withFault(text, fault));
      const line = `${fault.path}:${fault.line} ${shown(fault.before)} → ${shown(fault.after)}`;
      const failure = await failureOf([fault.path]);
      if (failure === null) missed.push(line);
      say(
        `${i + 1} of ${chosen.length}, ${failure === null ? 'MISSED' : 'noticed'}: ${line}; ${failure ?? ''}`,
      );
      await writeFile(join(copy, fault.path), text);
    }
    const share = 1 - missed.length / chosen.length;
    say(`${chosen.length - missed.length} of ${chosen.length} noticed: ${(share * 100).toFixed(0)} %`);
    return share >= GOAL ? [] : missed.map((line) => `nobody notices ${line}`);
  },
};

/** Copies the tree, and removes the copy when this process ends. @returns how to run its tests. */
async function openCopy({ tests, project }: Options, engines: NodeJS.ProcessEnv) {
  const copy = await mkdtemp(join(tmpdir(), 'kiln-mutations-'));
  let running: ChildProcess | undefined;
  process.once('exit', () => {
    if (running) end(running);
    rmSync(copy, { recursive: true, force: true });
  });
  await cp(ROOT, copy, { recursive: true, filter: (from) => !NOT_COPIED.has(basename(from)) });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

  /** Returns which test that imports one of these files fails, and what it says; null when all pass. */
  async function failureOf(paths: readonly string[]): Promise<string | null> {
    const child = fork(join(copy, 'bench/drills/related-tests.ts'), [project, tests, ...paths], {
      cwd: copy,
      env: { ...process.env, ...engines },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // In a group of its own, so that its workers end with it.
      detached: true,
    });
    running = child;
    let said = '';
    child.on('message', (failure) => {
      said ||= shown(String(failure), 150);
    });
    const timer = setTimeout(() => end(child), LONGEST_MS);
    const [code] = await once(child, 'exit');
    clearTimeout(timer);
    running = undefined;
    return code === 0 ? null : said || `ended with ${code ?? `nothing in ${LONGEST_MS / 1000} s`}`;
  }
  return { copy, failureOf };
}

/**
 * Starts what the tests of the project share, once for all faults.
 * Returns the variables that name it, none where the tests need no engine; it ends with this process.
 */
async function enginesOf({ project }: Options): Promise<NodeJS.ProcessEnv> {
  if (project !== 'engines') return {};
  const { setup } = await import('../../test/support/servers/engines-setup.ts');
  const provided: Partial<ProvidedContext> = {};
  const provide: TestProject['provide'] = (key, value) => void Object.assign(provided, { [key]: value });
  await setup({ name: project, provide });
  return { MONGODB_URI: provided.mongoUri, TEMPORAL_ADDRESS: provided.temporalAddress };
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

function shown(text: string, most = 60): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
