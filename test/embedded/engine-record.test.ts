import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEngineRecord, readEngines } from '../../src/embedded/engine-record.ts';
import { temporaryFolder } from './stand-ins.ts';

/** The file as every release has written it. */
const STORED = {
  temporal: { rung: 'official download', version: '1.9.1', searchAttributes: ['KilnOwner'] },
  mongodb: { rung: 'mongod on PATH', version: '8.0.4', port: 27_017 },
};

async function olderFolder(): Promise<{ dataDir: string; path: string }> {
  const dataDir = await temporaryFolder();
  const path = join(dataDir, 'engines.json');
  await writeFile(path, JSON.stringify(STORED));
  return { dataDir, path };
}

describe('the engines of an older data folder', () => {
  it('are known by their provider', async () => {
    const { dataDir } = await olderFolder();
    expect(await readEngines(dataDir)).toEqual({
      temporal: { provider: 'official download', version: '1.9.1', searchAttributes: ['KilnOwner'] },
      mongodb: { provider: 'mongod on PATH', version: '8.0.4', port: 27_017 },
    });
  });

  it('are written so that the older release reads them as well', async () => {
    const { dataDir, path } = await olderFolder();
    const record = await openEngineRecord(dataDir);
    record.remember({ mongodb: { provider: 'downloaded mongod', version: '8.2.6', port: 27_018 } });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      ...STORED,
      mongodb: { rung: 'downloaded mongod', version: '8.2.6', port: 27_018 },
    });
  });
});
