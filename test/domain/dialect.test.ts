import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIALECTS, KEY_PREFIXES, REST_DIALECTS } from '../../src/domain/dialect.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
/** The tour of the demo is one through the first dialect. */
const MAY_NAME_ANY = /^src\/(?:domain\/dialect\.ts|cli\/demo\/)/;

/** The sources that contain this word, in whatever letters. */
async function filesWith(word: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob('{src,schema,activities,workflows}/**/*.ts', { cwd: PROJECT })) {
    const source = (await readFile(join(PROJECT, path), 'utf8')).toLowerCase();
    if (source.includes(word.toLowerCase())) found.push(path);
  }
  return found;
}

describe.each(REST_DIALECTS)('%s', (dialect) => {
  it('is named in its row and its folder alone', async () => {
    const named = [...(await filesWith(dialect)), ...(await filesWith(DIALECTS[dialect].product))];
    expect(named).toContain(`src/rest/${dialect}/adapter.ts`);
    expect(
      named.filter((path) => !MAY_NAME_ANY.test(path) && !path.startsWith(`src/rest/${dialect}/`)),
    ).toEqual([]);
  });
});

describe('the table', () => {
  it('keeps what is stored and what people have: ids, names of keys and their prefixes', () => {
    expect(Object.keys(DIALECTS)).toEqual(['graphql', 'swapmyfile']);
    expect(KEY_PREFIXES).toEqual({
      kiln: 'kiln_live_',
      swapmyfile: 'smf_live_',
      skyconvert: 'oc_live_',
      api2convert: 'kiln_live_',
      uploadcare: 'kiln_live_',
      swayzio: 'kiln_live_',
    });
  });

  it('says nothing twice that tells dialects apart', () => {
    const rows = Object.values(DIALECTS);
    const distinct = [
      rows.map(({ enumValue }) => enumValue),
      rows.map(({ product }) => product),
      rows.map(({ key }) => key.name),
      rows.flatMap(({ plan }) => plan?.term ?? []),
      rows.flatMap(({ rest }) => rest?.publicUrlVariable ?? []),
    ];
    for (const values of distinct) expect(new Set(values).size).toBe(values.length);
  });
});
