import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { MongoClient } from 'mongodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectProcess } from '../../bootstrap/process-table.js';
import { startEmbedded } from '../../src/embedded/embedded.ts';
import { childrenOf, killHard, realEngines, recordedEngines, startOwner } from './engines.ts';
import { isAlive, temporaryFolder, until } from './stand-ins.ts';

const isLinux = process.platform === 'linux';

async function countNotes(uri: string): Promise<number> {
  await using client = await new MongoClient(uri).connect();
  return client.db().collection('notes').countDocuments();
}

describe('embedded engines', () => {
  it('answer, keep their data and their provider over a restart, and leave no process behind', async () => {
    const dataDir = await temporaryFolder();
    const lines: string[] = [];
    const first = await startEmbedded(realEngines(dataDir, { onProgress: (line) => lines.push(line) }));
    const pids = recordedEngines(dataDir).map(({ pid }) => pid);
    expect(pids).toHaveLength(2);
    expect(lines.filter((line) => / runs \(/.test(line))).toHaveLength(2);
    for (const port of [first.temporalAddress, first.mongoUri].map((text) =>
      Number(/:(\d+)/.exec(text ?? '')?.[1]),
    )) {
      expect(first.ports).toContain(port);
    }
    const connection = await Connection.connect({ address: first.temporalAddress ?? '' });
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    await connection.close();
    {
      await using client = await new MongoClient(first.mongoUri ?? '').connect();
      await client.db().collection('notes').insertOne({ text: 'stays' });
    }
    await first.stop();
    expect(pids.map(isAlive)).toEqual([false, false]);

    const second = await startEmbedded(realEngines(dataDir, { needTemporal: false }));
    expect(second.engines).toEqual([
      {
        ...first.engines[1],
        provider: JSON.parse(await readFile(join(dataDir, 'engines.json'), 'utf8')).mongodb.rung,
      },
    ]);
    expect(second.temporalAddress).toBeUndefined();
    expect(await countNotes(second.mongoUri ?? '')).toBe(1);
    await second.stop();
  });

  it('take search attributes that came with a later version', async () => {
    const dataDir = await temporaryFolder();
    const temporalOnly = { needMongo: false };
    await (
      await startEmbedded(realEngines(dataDir, { ...temporalOnly, searchAttributes: ['KilnA'] }))
    ).stop();
    const later = await startEmbedded(
      realEngines(dataDir, { ...temporalOnly, searchAttributes: ['KilnA', 'KilnB'] }),
    );
    const connection = await Connection.connect({ address: later.temporalAddress ?? '' });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(['KilnA', 'KilnB']));
    await connection.close();
    await later.stop();
  });

  it('refuse a second owner of the folder and tell it where the first one is', async () => {
    const dataDir = await temporaryFolder();
    const first = await startEmbedded(realEngines(dataDir, { needTemporal: false }));
    await writeFile(
      join(dataDir, 'run.json'),
      JSON.stringify({ pid: process.pid, url: 'http://127.0.0.1:4000' }),
    );
    const failure = await startEmbedded(realEngines(dataDir)).catch((error) => error);
    expect(failure).toMatchObject({ code: 'WRONG_STATE' });
    expect(failure.message).toContain('http://127.0.0.1:4000');
    expect(recordedEngines(dataDir)).toHaveLength(1);
    await first.stop();
  });

  it('report an engine that ends by itself', async () => {
    const dataDir = await temporaryFolder();
    const death = Promise.withResolvers<string>();
    const onDeath = (engine: string, detail: string) => death.resolve(`${engine}: ${detail}`);
    const embedded = await startEmbedded(realEngines(dataDir, { needTemporal: false, onDeath }));
    process.kill(recordedEngines(dataDir)[0]?.pid ?? 0, 'SIGKILL');
    expect(await death.promise).toBe("MongoDB: it ended with SIGKILL; the data folder's logs say more");
    await embedded.stop();
  });
});

describe.runIf(isLinux)('engines whose owner is killed', () => {
  it('are ended by the reaper', async () => {
    const dataDir = await temporaryFolder();
    const { child } = await startOwner(dataDir);
    const family = childrenOf(child.pid ?? 0);
    expect(family).toHaveLength(3);
    await killHard(child);
    await until(() => !family.some(isAlive), 10_000);
  });

  it('are ended by the kernel when the reaper is killed at the same moment', async () => {
    const dataDir = await temporaryFolder();
    const { child } = await startOwner(dataDir);
    const family = childrenOf(child.pid ?? 0);
    const engines = recordedEngines(dataDir).map(({ pid }) => pid);
    const reapers = family.filter((pid) => !engines.includes(pid));
    expect([engines.length, reapers.length]).toEqual([2, 1]);
    // Stopped first, so that neither sees the other one die.
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const)
      for (const pid of [...reapers, child.pid ?? 0]) process.kill(pid, signal);
    await until(() => !family.some(isAlive), 10_000);
  });

  it('are ended by the next start when nobody else has done it', async () => {
    const dataDir = await temporaryFolder();
    const left = spawn('sh', ['-c', 'sleep 300 & wait'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void left.kill('SIGKILL'));
    const pid = left.pid ?? 0;
    const entry = { engine: 'Temporal', pid, started: inspectProcess(pid)?.started };
    await writeFile(join(dataDir, 'engine-pids.json'), JSON.stringify([entry]));
    const lines: string[] = [];
    const next = await startEmbedded(
      realEngines(dataDir, { needTemporal: false, onProgress: (line) => lines.push(line) }),
    );
    expect(lines[0]).toBe('Ended an engine that an earlier run had left behind');
    expect(isAlive(pid)).toBe(false);
    await next.stop();
  });

  it('are reported lost, reaper first, when only the reaper was killed', async () => {
    const dataDir = await temporaryFolder();
    const { child, nextLine } = await startOwner(dataDir);
    const engines = recordedEngines(dataDir).map(({ pid }) => pid);
    const reaper = childrenOf(child.pid ?? 0).find((pid) => !engines.includes(pid)) ?? 0;
    process.kill(reaper, 'SIGKILL');
    expect(JSON.parse(await nextLine()).engine).toBe('Engine reaper');
    await killHard(child);
    await until(() => !engines.some(isAlive), 10_000);
  });
});
