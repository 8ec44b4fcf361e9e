import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { boundLog, ENGINE_LOG_BYTES } from '../../../src/embedded/process/engine-log.ts';
import { startServerProcess } from '../../../src/embedded/process/server-process.ts';
import { temporaryFolder, until } from '../stand-ins.ts';

const registry = { started: () => {}, ended: () => {} };

it('keeps the log of a process that never stops writing small, and its last part beside it', async () => {
  const path = join(await temporaryFolder(), 'engine.log');
  const chatter = spawn('sh', ['-c', 'while :; do echo a line of some length; sleep 0.001; done'], {
    stdio: ['ignore', openSync(path, 'a'), 'ignore'],
  });
  onTestFinished(() => void chatter.kill('SIGKILL'));
  const maxBytes = 1000;
  const stop = boundLog(path, { maxBytes, everyMs: 10 });
  const sizes: number[] = [];
  let written = 0;
  while (written < 10 * maxBytes) {
    const { size } = await stat(path);
    if (size < (sizes.at(-1) ?? 0)) written += sizes.at(-1) ?? 0;
    sizes.push(size);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop();
  chatter.kill('SIGKILL');
  await once(chatter, 'exit');
  const largest = Math.max(...sizes);
  process.stdout.write(`${written} bytes were written, the log had ${largest} at most\n`);
  expect(largest).toBeLessThan(written / 2);
  expect(await readFile(`${path}.1`, 'utf8')).toContain('a line of some length');
});

it('begins anew when an engine starts on a full one', async () => {
  const logPath = join(await temporaryFolder(), 'mongodb.log');
  await writeFile(logPath, Buffer.alloc(ENGINE_LOG_BYTES + 1, 'x'));
  const engine = await startServerProcess({
    engine: 'MongoDB',
    orphanSignal: 'TERM',
    program: 'sh',
    args: ['-c', 'while :; do sleep 0.1; done'],
    logPath,
    registry,
  });
  await until(async () => (await stat(logPath)).size === 0);
  await engine.stop();
  expect((await stat(`${logPath}.1`)).size).toBe(ENGINE_LOG_BYTES + 1);
});
