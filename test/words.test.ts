import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = [
  'bootstrap',
  'workflows',
  'src/converters',
  'src/embedded',
  'src/temporal',
  'src/cli/doctor',
];

/** Words of our own for things that have a name; docs/glossary.md says which. */
const BANNED =
  /^(?:rungs?|ladders?|climb|climbed|keepers?|told|news|facts?|quickly|tireless|doors?|lanes?|couriers?|patience|turns?|wish|wishes)$/;

/** Names that data folders and recorded histories hold. */
const STORED: Record<string, readonly string[]> = {
  'src/embedded/engine-record.ts': ['rung'],
  'src/temporal/runner.ts': ['wish'],
  'workflows/batch-job.ts': ['wish'],
  'workflows/messages.ts': ['wish'],
};

/** The words of a name: `hasDeathSignal` is has, death, signal. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[\s_$-]+/)
    .map((word) => word.toLowerCase());
}

function bannedNames(path: string, text: string): string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && wordsOf(node.text).some((word) => BANNED.test(word))) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return [...found].filter((name) => !STORED[path]?.includes(name)).map((name) => `${path}: ${name}`);
}

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(?:ts|js)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

describe('the names of the code', () => {
  it.each(FOLDERS)('use the words of the glossary: %s', async (folder) => {
    const paths = await sources(folder);
    expect(paths.length).toBeGreaterThan(0);
    const found = await Promise.all(
      paths.map(async (path) => bannedNames(path, await readFile(join(ROOT, path), 'utf8'))),
    );
    expect(found.flat()).toEqual([]);
    expect(
      paths.filter((path) => wordsOf(path.replaceAll(/[/.]/g, '-')).some((word) => BANNED.test(word))),
    ).toEqual([]);
  });

  it('are read word by word', () => {
    const text = 'const RungRecord = createKeeper; export function factsOf() { return retold.newsletter; }';
    expect(bannedNames('src/a.ts', text)).toEqual([
      'src/a.ts: RungRecord',
      'src/a.ts: createKeeper',
      'src/a.ts: factsOf',
    ]);
  });
});
