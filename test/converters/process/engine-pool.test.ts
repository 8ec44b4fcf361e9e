import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../../../src/converters/process/engine-limits.ts';
import type { EngineTask } from '../../../src/converters/process/engine-messages.ts';
import {
  createEnginePool,
  type EnginePool,
  type EnginePoolSettings,
} from '../../../src/converters/process/engine-pool.ts';

const MISBEHAVING = fileURLToPath(new URL('misbehaving-engine.ts', import.meta.url));
const signal = new AbortController().signal;
const pools: EnginePool[] = [];

function start(settings: Partial<EnginePoolSettings> = {}, limits: Partial<EngineLimits> = {}): EnginePool {
  const pool = createEnginePool({
    size: 1,
    program: MISBEHAVING,
    limits: { ...DEFAULT_ENGINE_LIMITS, timeoutMs: 20_000, ...limits },
    ...settings,
  });
  pools.push(pool);
  return pool;
}

function task(behaviour: string): EngineTask {
  return {
    kind: 'probe',
    engine: 'sharp',
    source: 'png',
    inputPath: behaviour,
    limits: DEFAULT_ENGINE_LIMITS,
  };
}

async function answer(pool: EnginePool): Promise<{ pid: number; tasks: number }> {
  return (await pool.run(task('answer'), { signal })) as { pid: number; tasks: number };
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('an engine process that goes wrong', () => {
  it('is killed at the deadline, and the next task gets a new one', async () => {
    const pool = start({}, { timeoutMs: 1500 });
    const { pid } = await answer(pool);
    await expect(pool.run(task('hang'), { signal })).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
    expect(isRunning(pid)).toBe(false);
    const next = await answer(pool);
    expect(next.pid).not.toBe(pid);
  });

  it.each(['crash', 'exit'])('reports a %s, tells the log why, and goes on', async (behaviour) => {
    const logged: object[] = [];
    const pool = start({ log: { warn: (fields) => logged.push(fields) } });
    const { pid } = await answer(pool);
    await expect(pool.run(task(behaviour), { signal })).rejects.toMatchObject({
      code: 'ENGINE_CRASHED',
      message: 'The conversion program ended unexpectedly.',
    });
    expect(String((logged[0] as { err: Error }).err)).toMatch(/SIGABRT|exit code 3|134/);
    expect((await answer(pool)).pid).not.toBe(pid);
  });

  it('is killed when it takes more memory than a task may have', async () => {
    const pool = start({}, { maxMemoryBytes: 300 * 2 ** 20 });
    const { pid } = await answer(pool);
    await expect(pool.run(task('eat'), { signal })).rejects.toMatchObject({ code: 'RESOURCE_LIMIT' });
    expect(isRunning(pid)).toBe(false);
  });

  it('is gone when an abort has been answered, even in the middle of a busy loop', async () => {
    const pool = start();
    const { pid } = await answer(pool);
    const controller = new AbortController();
    const running = pool.run(task('hang'), { signal: controller.signal });
    controller.abort(new Error('the user changed their mind'));
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(isRunning(pid)).toBe(false);
  });
});

describe('a pool of engine processes', () => {
  it('uses all of its processes, and no more, however many ask', async () => {
    const pool = start({ size: 2 });
    const answers = await Promise.all([answer(pool), answer(pool), answer(pool), answer(pool)]);
    const [first, second] = answers;
    expect(first?.pid).not.toBe(second?.pid);
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
  });

  it('lets a waiting task leave the queue without disturbing the running one', async () => {
    const pool = start();
    const { pid } = await answer(pool);
    const runner = new AbortController();
    const waiter = new AbortController();
    const running = pool.run(task('hang'), { signal: runner.signal }).catch((error: unknown) => error);
    const waiting = pool.run(task('answer'), { signal: waiter.signal });
    waiter.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(isRunning(pid)).toBe(true);
    runner.abort();
    await running;
  });

  it('replaces a process after its share of tasks', async () => {
    const pool = start({ recycleAfter: 2 });
    const pids = [await answer(pool), await answer(pool), await answer(pool)].map(({ pid }) => pid);
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).not.toBe(pids[1]);
    expect(isRunning(pids[0] ?? 0)).toBe(false);
  });

  it('starts every process when warmed and none before', async () => {
    const pool = start({ size: 2 });
    expect(pool.pids()).toEqual([]);
    await pool.warm([task('answer')]);
    expect(pool.pids()).toHaveLength(2);
  });

  it('gives its processes nothing of the environment of the service', async () => {
    process.env.KILN_MASTER_KEY = 'not for engines';
    try {
      const { environment } = (await start().run(task('environment'), { signal })) as {
        environment: Record<string, string>;
      };
      expect(JSON.stringify(environment)).not.toContain('not for engines');
      expect(environment.HOME).toMatch(/kiln-engines-/);
    } finally {
      delete process.env.KILN_MASTER_KEY;
    }
  });

  it('ends processes, tasks and waiters when it is closed, and leaves no folder behind', async () => {
    const pool = start();
    const { pid } = await answer(pool);
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    const ends = Promise.allSettled([
      pool.run(task('hang'), { signal }),
      pool.run(task('answer'), { signal }),
    ]);
    await pool.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    await expect(answer(pool)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('ends with its owner, even in a busy loop, and the next pool clears its folder', async () => {
    const owner = spawn(
      process.execPath,
      [fileURLToPath(new URL('pool-owner.ts', import.meta.url)), MISBEHAVING],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = await once(owner.stdout.setEncoding('utf8'), 'data');
    const pid = Number(line);
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    expect(existsSync(folder)).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
    start();
    expect(existsSync(folder)).toBe(false);
  });

  it('clears the folder that an earlier version has left, when its owner is gone', async () => {
    const owner = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(owner, 'exit');
    const folder = mkdtempSync(join(tmpdir(), `kiln-hosts-${owner.pid}-`));
    start();
    expect(existsSync(folder)).toBe(false);
  });
});
