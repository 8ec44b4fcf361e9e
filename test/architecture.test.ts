import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cycleViolations, LAWS, violationsOf } from './support/law/layout-law.ts';
import { readSource, type SourceFile } from './support/law/source-file.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['src', 'workflows', 'activities', 'schema', 'bootstrap'];

async function readTree(): Promise<SourceFile[]> {
  const files = await Promise.all(
    FOLDERS.map(async (folder) => {
      const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && /\.(?:ts|js)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name));
    }),
  );
  return Promise.all(
    files.flat().map(async (file) => readSource(relative(ROOT, file), await readFile(file, 'utf8'))),
  );
}

describe('the tree', () => {
  it('keeps every law', async () => {
    const files = await readTree();
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(violationsOf)).toEqual([]);
    expect(cycleViolations(files)).toEqual([]);
  });

  it('is ruled by laws that name places only', () => {
    const named = Object.values(LAWS).flatMap(({ values, types = [] }) => [...values, ...types]);
    expect(named.filter((place) => !(place in LAWS))).toEqual([]);
  });
});

/** Each must be refused, or the laws above prove nothing. */
const OFFENCES: [path: string, text: string, complaint: string][] = [
  ['workflows/a.ts', "import { convert } from '../activities/convert.ts';", 'must say "import type"'],
  ['workflows/a.ts', "import { type Job } from '../src/domain/jobs/job.ts';", 'must say "import type"'],
  ['workflows/a.ts', "export { convert } from '../activities/convert.ts';", 'must say "import type"'],
  ['workflows/a.ts', "import { readFile } from 'node:fs';", 'must not use node:fs'],
  ['workflows/a.ts', "import { v7 } from 'uuid';", 'must not use uuid'],
  [
    'activities/a.ts',
    "import { createJobRepository } from '../src/store/jobs.ts';",
    'must say "import type"',
  ],
  ['activities/a.ts', "import { Client } from '@temporalio/client';", 'must not use @temporalio/client'],
  ['src/domain/a.ts', "import { join } from 'node:path';", 'must not use node:path'],
  ['src/domain/a.ts', "import type { Job } from '../store/jobs.ts';", 'must not import src/store/jobs.ts'],
  ['src/domain/a.ts', 'export const a = async () => {};', 'waits'],
  [
    'src/operations/a.ts',
    "import { createGuard } from '../net/guard.ts';",
    'must not import src/net/guard.ts',
  ],
  ['src/operations/a.ts', "import { connectMongo } from '../store/mongo.ts';", 'must say "import type"'],
  [
    'src/converters/a.ts',
    "import type { Guard } from '../net/guard.ts';",
    'must not import src/net/guard.ts',
  ],
  [
    'src/converters/a.ts',
    "export const a = () => import('../blobs/disk.ts');",
    'must not import src/blobs/disk.ts',
  ],
  ['src/net/a.ts', "import { spawn } from 'node:child_process';", 'must not use node:child_process'],
  ['src/rest/x/a.ts', "import { MongoClient } from 'mongodb';", 'must not use mongodb'],
  [
    'src/store/a.ts',
    "type J = import('../operations/runner.ts').JobStart;",
    'must not import src/operations',
  ],
  ['schema/a.ts', "import { createApp } from '../src/app/app.ts';", 'must say "import type"'],
  ['schema/a.ts', 'export const a = process.env.HOME;', 'reads process.env'],
  ['schema/a.ts', 'export default function a() {}', 'default export'],
  ['schema/a.ts', 'const a = 1;\nexport default a;', 'default export'],
  ['src/brand-new/a.ts', '', 'no law'],
  ['src/net/utils.ts', '', 'says nothing'],
  ['src/net/webHook.ts', '', 'kebab-case'],
  ['src/net/a.ts', 'export const a = 1;\n'.repeat(251), '251 lines'],
];

describe('the laws', () => {
  it.each(OFFENCES)('refuse in %s: %s', (path, text, complaint) => {
    expect(violationsOf(readSource(path, text)).join('\n')).toContain(complaint);
  });

  it('refuse modules that load each other in a circle', () => {
    const files = [
      readSource('src/net/a.ts', "import { b } from './b.ts';"),
      readSource('src/net/b.ts', "export * from './c.ts';"),
      readSource('src/net/c.ts', "import { a } from './a.ts';"),
    ];
    expect(cycleViolations(files)).toEqual([
      'a circle of imports: src/net/a.ts → src/net/b.ts → src/net/c.ts → src/net/a.ts',
    ]);
  });

  it('refuse a circle of types alone', () => {
    const files = [
      readSource('src/net/a.ts', "import type { B } from './b.ts';"),
      readSource('src/net/b.ts', "import type { A } from './a.ts';"),
    ];
    expect(cycleViolations(files)).toEqual([
      'a circle of imports: src/net/a.ts → src/net/b.ts → src/net/a.ts',
    ]);
  });

  it('allow what the layout needs', () => {
    const fine: [string, string][] = [
      ['workflows/a.ts', "import type { Activities } from '../activities/index.ts';"],
      ['src/temporal/a.ts', "import { ATTRIBUTES } from '../../workflows/search-attributes.ts';"],
      ['src/domain/a.ts', "import { v7 } from 'uuid';"],
      ['src/net/a.ts', `/* Longer than 250 lines because of x. */\n${'export const a = 1;\n'.repeat(260)}`],
      ['src/net/b.ts', "import type { A } from './a.ts';"],
    ];
    const files = fine.map(([path, text]) => readSource(path, text));
    expect(files.flatMap(violationsOf)).toEqual([]);
    expect(cycleViolations(files)).toEqual([]);
  });
});
