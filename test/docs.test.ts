import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CODE = ['src', 'workflows', 'activities', 'schema', 'bootstrap', 'bench', 'test'];
/** It has examples of what it looks for. */
const THIS_FILE = 'test/docs.test.ts';
const PAGES = ['README.md', 'CONTRIBUTING.md'];

/** Files of these folders whose names match, as paths from the root. */
async function filesOf(folders: readonly string[], pattern: RegExp): Promise<string[]> {
  const found = await Promise.all(
    folders.map((folder) => readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })),
  );
  return found
    .flat()
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .toSorted();
}

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

/** As forges make them: lower case, punctuation gone, spaces to hyphens. */
function anchorsOf(page: string): Set<string> {
  const headings = page.matchAll(/^#{1,6} +(.+)$/gm);
  return new Set(
    Array.from(headings, ([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

async function brokenLinks(page: string): Promise<string[]> {
  const text = (await read(page)).replace(/^```[\s\S]*?^```$/gm, '');
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
  const broken = await Promise.all(
    links.map(async (link) => {
      if (/^[a-z]+:/i.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), file);
      const isThere = await access(target).then(
        () => true,
        () => false,
      );
      const isFound =
        isThere && (anchor === undefined || anchorsOf(await readFile(target, 'utf8')).has(anchor));
      return isFound ? [] : [`${page}: ${link}`];
    }),
  );
  return broken.flat();
}

/** Lines of a page's shell blocks that hold a comment. */
function shellComments(text: string): string[] {
  const blocks = text.matchAll(/^ *```(?:sh|bash|shell|zsh)\n([\s\S]*?)^ *```$/gm);
  return Array.from(blocks, ([, block = '']) => block.split('\n'))
    .flat()
    .filter((line) => /(?:^|\s)#/.test(line));
}

describe('the documents', () => {
  it('lead only to files and headings that are there', async () => {
    const pages = [...PAGES, ...(await filesOf(['docs'], /\.md$/))];
    expect(pages).toContain('docs/architecture.md');
    expect((await Promise.all(pages.map(brokenLinks))).flat()).toEqual([]);
  });

  it('name only files and folders that are there', async () => {
    const pages = [...PAGES, 'docs/architecture.md', 'docs/glossary.md'];
    const texts = await Promise.all(pages.map(read));
    const named = texts.flatMap((text) =>
      Array.from(
        text.matchAll(/`((?:src|schema|workflows|activities|test|docs|bench|bootstrap)\/[\w./-]*)`/g),
        ([, path = '']) => path,
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    const missing = await Promise.all(
      [...new Set(named)].map((path) =>
        access(join(ROOT, path)).then(
          () => [],
          () => [path],
        ),
      ),
    );
    expect(missing.flat()).toEqual([]);
  });

  it('have no comments in shell blocks, since zsh takes a pasted one for arguments', async () => {
    const pages = [...PAGES, ...(await filesOf(['docs'], /\.md$/))];
    const comments = pages.map(async (page) =>
      shellComments(await read(page)).map((line) => `${page}: ${line}`),
    );
    expect((await Promise.all(comments)).flat()).toEqual([]);
  });

  it.each([
    ['```sh\nnpm start  # the service\n```', ['npm start  # the service']],
    ['```sh\n# first\nnpm test\n```\n', ['# first']],
    ['# a heading\n```sh\ncurl a#b | tee c\n```\n```js\nx; # y\n```', []],
  ])('are searched for comments of a shell: %j', (text, expected) => {
    expect(shellComments(text)).toEqual(expected);
  });

  it('list every decision, whose title begins with its number', async () => {
    const index = await read('docs/decisions/README.md');
    const decisions = await filesOf(['docs/decisions'], /^\d{4}-.*\.md$/);
    expect(decisions.length).toBeGreaterThan(20);
    const problems = await Promise.all(
      decisions.map(async (path) => {
        const name = path.slice('docs/decisions/'.length);
        const title = (await read(path)).split('\n', 1)[0] ?? '';
        return [
          ...(index.includes(`](${name})`) ? [] : [`${name} is not in docs/decisions/README.md`]),
          ...(title.startsWith(`# ${Number(name.slice(0, 4))}. `) ? [] : [`${name} is called "${title}"`]),
        ];
      }),
    );
    expect(problems.flat()).toEqual([]);
  });
});

/** Numbers of cases and paragraphs that nobody can look up who has this repository alone. */
const ELSEWHERE =
  /\b(?:DESIGN|LIMITS|STYLE|COMPAT|CASES|DEPENDENCIES)(?:\.md\b|['’]s\b|,? \d)|\b(?:SM|X)-\d{2}\b|['"`( ]F\d{1,2}\b(?=[:,)'"` ])|\bissue #?\d/;

describe('the code', () => {
  it('refers to no document that is not in this repository', async () => {
    const files = (await filesOf(CODE, /\.(?:ts|js|java|py)$/)).filter((path) => path !== THIS_FILE);
    expect(files).toContain('src/domain/id.ts');
    const references = await Promise.all(
      files.map(async (path) =>
        (await read(path))
          .split('\n')
          .flatMap((line, i) => (ELSEWHERE.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
      ),
    );
    expect(references.flat()).toEqual([]);
  });

  it.each([
    '/** LIMITS 58 and 59, over real sockets. */',
    "  it('F21: exactly 500 are accepted', () => {});",
    "  it('SM-01, SM-02: prepare, upload', () => {});",
    ' * @see DESIGN 5 "Cost"',
    'like in issue 9',
  ])('is found out by %s', (line) => {
    expect(line).toMatch(ELSEWHERE);
  });
});
