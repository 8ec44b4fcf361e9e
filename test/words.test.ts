import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['src', 'workflows', 'activities', 'schema', 'bootstrap', 'test'];

/** What was said once, and what the glossary says instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  wish: 'request, input',
  wishes: 'requests, inputs',
  door: 'API, transport',
  doors: 'APIs, transports',
  lane: 'concurrency key, admission',
  lanes: 'concurrency keys, admissions',
  'admit call': 'checkRateLimit',
  'in turns': 'mapConcurrently',
  'few at': 'mapConcurrently',
  'take turn': 'acquire',
  'give turn': 'release',
  rung: 'provider',
  rungs: 'providers',
  ladder: 'fallback chain',
  climb: 'fallback chain',
  climbed: 'provided',
  keeper: 'reaper',
  keepers: 'reapers',
  'engine host': 'engine process',
  'host pool': 'pool of engine processes',
  'host task': 'task of an engine process',
  'host process': 'engine process',
  quickly: 'databaseActivity',
  tireless: 'unlimitedRetry',
  'convert at once': 'convertLocally',
  'file facts': 'media info',
  'set facts': 'setMediaInfo',
  courier: 'dispatcher',
  announce: 'emit',
  'is heard': 'subscribers',
  'send to': 'enqueue',
  'conversion error': 'KilnError',
  'driver fault': 'driver error',
  'translate faults': 'translateErrors',
  'create tell': 'createBestEffortRunner',
  'note told': 'noteEmitted',
  'nudge batch': 'signalBatch',
  'line up': 'enqueue',
  'look again': 'scheduleCheck',
  'batch tally': 'BatchSummary',
  'callback facts': 'CallbackInput',
  'credential places': 'CredentialLocations',
  'refuse move': 'rejectTransition',
  'refuse unless': 'require',
  facts: 'info, fields, metadata',
  news: 'event, notification',
  patience: 'timeout, time limit',
  deed: 'scenario, action',
  deeds: 'scenarios, actions',
};

/** Names that are stored, or part of recorded histories: they stay as they are. */
const KEPT: Readonly<Record<string, readonly string[]>> = {
  lane: [
    'src/domain/files/file.ts',
    'src/domain/jobs/job.ts',
    'src/operations/files/complete-upload.ts',
    'src/operations/files/prepare-upload.ts',
    'src/operations/jobs/accept-job.ts',
    'test/operations/jobs/admissions.test.ts',
    'test/domain/jobs/job.test.ts',
    'test/operations/jobs/admissions.test.ts',
    'test/store/admissions/admissions.test.ts',
  ],
  rung: [
    'src/embedded/engine-record.ts',
    'test/embedded/engine-record.test.ts',
    'test/embedded/embedded.test.ts',
    'test/embedded/mongodb/mongod-fallback.test.ts',
  ],
  wish: [
    'src/temporal/runner.ts',
    'test/workflows/batch-job.test.ts',
    'workflows/batch-job.ts',
    'workflows/messages.ts',
  ],
};

/** The name in small words: `laneOf`, `LANES` and `lane-of.ts` all speak of a lane. */
function inWords(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[^A-Za-z\d]+/g, ' ')
    .toLowerCase();
}

/** Every old word among the names of a file, as a sentence each. */
function oldWordsOf(path: string, text: string): string[] {
  const names = new Set(path.split('/'));
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return [...names].flatMap((name) =>
    Object.entries(INSTEAD)
      .filter(([word]) => ` ${inWords(name)} `.includes(` ${word} `) && !KEPT[name]?.includes(path))
      .map(([word, instead]) => `${path}: ${name} says "${word}" for ${instead}`),
  );
}

describe('the words of the code', () => {
  it('are those of the glossary', async () => {
    const found: string[] = [];
    for (const folder of FOLDERS)
      for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.[jt]s$/.test(entry.name)) continue;
        if (entry.name === 'words.test.ts') continue;
        const file = join(entry.parentPath, entry.name);
        found.push(...oldWordsOf(relative(ROOT, file), await readFile(file, 'utf8')));
      }
    expect(found).toEqual([]);
  });

  it.each([
    ['src/a.ts', 'export const laneOf = 1;', ['src/a.ts: laneOf says "lane" for concurrency key, admission']],
    ['src/a.ts', 'type A = { WISHES: 1 };', ['src/a.ts: WISHES says "wishes" for requests, inputs']],
    ['schema/door.ts', '', ['schema/door.ts: door.ts says "door" for API, transport']],
    ['src/a.ts', 'createKeeper();', ['src/a.ts: createKeeper says "keeper" for reaper']],
    ['src/a.ts', 'admitCall();', ['src/a.ts: admitCall says "admit call" for checkRateLimit']],
    ['src/a.ts', 'const planet = doorway; // a wish by the door of a lane', []],
    ['workflows/messages.ts', 'interface Nudge { wish: string }', []],
    ['src/a.ts', 'const wish = 1;', ['src/a.ts: wish says "wish" for request, input']],
  ])('are looked for in %s: %s', (path, text, expected) => {
    expect(oldWordsOf(path, text)).toEqual(expected);
  });
});
