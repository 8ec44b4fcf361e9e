import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { type EmbeddedOptions, startEmbedded } from '../../../src/embedded/embedded.ts';
import { TEMPORAL_CLI, TEMPORAL_CLI_FORMER } from '../../../src/embedded/install/versions.ts';
import { realEngines } from '../engines.ts';
import { deadSite, filesIn, temporaryFolder, withoutPrograms } from '../stand-ins.ts';

const OLD = '1.6.2';
const QUEUE = { taskQueue: 'nobody', workflowType: 'waits' };

/** Writes data with a much older Temporal. Returns the options to start on it. */
async function writtenLongAgo(): Promise<EmbeddedOptions> {
  await withoutPrograms('temporal');
  const old = TEMPORAL_CLI_FORMER.find(({ version }) => version === OLD);
  if (!old) throw new Error(`There is no ${OLD} among the former releases.`);
  const options = realEngines(await temporaryFolder(), { needMongo: false });
  const first = await startEmbedded({
    ...options,
    sources: { temporal: { ...old, downloads: await deadSite() } },
  });
  expect(first.engines).toMatchObject([{ engine: 'Temporal', version: OLD }]);
  await withClient(first.temporalAddress, ({ workflow }) =>
    workflow.start(QUEUE.workflowType, { ...QUEUE, workflowId: 'open' }),
  );
  await first.stop();
  return options;
}

async function withClient<T>(address: string | undefined, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: address ?? '' });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

const isThere = (client: Client) =>
  client.workflow
    .getHandle('open')
    .describe()
    .then(
      () => true,
      () => false,
    );

const remembered = async (dataDir: string) =>
  JSON.parse(await readFile(join(dataDir, 'engines.json'), 'utf8')).temporal.version;

describe('a data folder that an older Temporal has written', () => {
  it('stays on that version while it can be had', async () => {
    const options = await writtenLongAgo();
    const next = await startEmbedded(options);
    expect(next.engines).toMatchObject([{ engine: 'Temporal', version: OLD }]);
    expect(await withClient(next.temporalAddress, isThere)).toBe(true);
    await next.stop();
    expect(await remembered(options.dataDir)).toBe(OLD);
  });

  it('gets a new database when only a newer one can be had; the old one is kept', async () => {
    const options = await writtenLongAgo();
    const lines: string[] = [];
    const sources = { formerTemporal: [] };
    const next = await startEmbedded({ ...options, sources, onProgress: (line) => lines.push(line) });
    expect(next.engines).toMatchObject([{ engine: 'Temporal', version: TEMPORAL_CLI.version }]);
    expect(lines.join('\n')).toMatch(/ATTENTION: Temporal 1\.6\.2 wrote its database/);
    await withClient(next.temporalAddress, async (client) => {
      expect(await isThere(client)).toBe(false);
      // What this version cannot do on tables of the old one.
      await client.schedule.create({
        scheduleId: 'daily',
        spec: { intervals: [{ every: '1 day' }] },
        action: { type: 'startWorkflow', ...QUEUE },
      });
      await client.workflow.start(QUEUE.workflowType, { ...QUEUE, workflowId: 'open' });
    });
    await next.stop();
    expect(await remembered(options.dataDir)).toBe(TEMPORAL_CLI.version);
    const kept = (await filesIn(options.dataDir)).filter((file) => /^temporal-1\.6\.2-.*\.db$/.test(file));
    expect(kept).toHaveLength(1);
  });

  it('is remembered even when MongoDB could not be started beside it', async () => {
    await withoutPrograms('mongod', 'java');
    const options = realEngines(await temporaryFolder(), { sources: { mongodMirror: await deadSite() } });
    const failure = await startEmbedded(options).catch((error) => error);
    expect(failure.message).toContain('MongoDB could not be provided');
    expect(await remembered(options.dataDir)).toBe(TEMPORAL_CLI.version);
  });
});
