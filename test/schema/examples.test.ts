import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../schema/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLES = join(ROOT, 'docs/examples');

const names = await readdir(EXAMPLES);

describe('the documents in docs/examples', () => {
  it.each(names)('%s is one that Kiln takes', async (name) => {
    const document = parse(await readFile(join(EXAMPLES, name), 'utf8'));
    expect(validate(schema, document)).toEqual([]);
  });

  it('are the ones that the README names', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/docs\/examples\/([\w-]+\.graphql)/g)].map(([, name]) => name);
    expect([...new Set(named)].toSorted()).toEqual(names.toSorted());
  });
});
