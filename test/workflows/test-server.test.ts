import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, inject, it, onTestFinished } from 'vitest';
import { MARK, markedProcesses, survivorsOf, until } from '../support/service/kiln-process.ts';

/** Starts a server as test files do, says so, and waits. */
const TEST_FILE = `
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const executable = { type: 'existing-path', path: process.argv[1] };
  await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  console.log('ready');
  setInterval(() => {}, 1000);`;

it.skipIf(process.platform !== 'linux')(
  'a killed test file takes its time-skipping server along',
  async () => {
    const mark = `test-server-${process.pid}`;
    const file = spawn(
      process.execPath,
      ['--input-type=module', '--eval', TEST_FILE, inject('testServerPath')],
      { env: { ...process.env, [MARK]: mark }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => void file.kill('SIGKILL'));
    await once(file.stdout, 'data');
    const family = markedProcesses(mark).filter(({ pid }) => pid !== file.pid);
    expect(family.map(({ command }) => command)).toEqual([expect.stringContaining('temporal-test-server')]);
    file.kill('SIGKILL');
    await until(() => survivorsOf(family).length === 0, 10_000);
  },
  90_000,
);
