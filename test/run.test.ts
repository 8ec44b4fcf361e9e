import { existsSync, globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createVitest } from 'vitest/node';
import { QUICK } from './support/quick.ts';
import { SLOWEST } from './support/slowest-first.ts';

const root = join(import.meta.dirname, '..');

it('quick leaves out what it names, and nothing else of its projects', async () => {
  const vitest = await createVitest('test', { root, watch: false, ...QUICK });
  onTestFinished(() => vitest.close());
  const ran = new Set(
    (await vitest.globTestSpecifications()).map(({ moduleId }) => relative(root, moduleId)),
  );
  const all = globSync('test/**/*.test.ts', { cwd: root });
  const service = all.filter((file) => /^test\/(e2e|embedded|bootstrap)\//.test(file));
  const named = QUICK.cliExclude.map((pattern) => globSync(pattern, { cwd: root }));
  expect(named.filter((files) => files.length === 0)).toEqual([]);
  expect(all.filter((file) => !ran.has(file)).sort()).toEqual([...service, ...named.flat()].sort());
});

it('the files that begin first are there', () => {
  expect(SLOWEST.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
