import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectPs } from '../../bootstrap/process-table.js';
import { acquireOwnership } from '../../src/embedded/ownership.ts';
import { killHard } from './engines.ts';
import { temporaryFolder } from './stand-ins.ts';

const MODULE = pathToFileURL(join(import.meta.dirname, '..', '..', 'src', 'embedded', 'ownership.ts')).href;

async function release(ownership: Awaited<ReturnType<typeof acquireOwnership>>): Promise<void> {
  if (ownership.owned) await ownership.release();
}

describe('the start time of a process', () => {
  it('is the same for every observer, whatever language and time zone he has', () => {
    const before = { ...process.env };
    onTestFinished(() => {
      process.env = before;
    });
    const seen = [
      { TZ: 'Asia/Tokyo', LC_ALL: 'de_DE.UTF-8' },
      { TZ: 'America/Los_Angeles', LC_ALL: 'C.UTF-8' },
    ].map((env) => {
      process.env = { ...before, ...env };
      return inspectPs(process.pid)?.started;
    });
    expect(seen[0]).toMatch(/^\w{3}_\w{3}_\d+_\d\d:\d\d:\d\d_\d{4}$/);
    expect(seen[1]).toBe(seen[0]);
  });
});

describe('a data folder', () => {
  it('has one owner, who is named to the second, by whatever path that one came', async () => {
    const folder = await temporaryFolder();
    const first = await acquireOwnership(folder);
    await writeFile(join(folder, 'run.json'), JSON.stringify({ pid: 4711, url: 'http://127.0.0.1:4000' }));
    const alias = join(await temporaryFolder(), 'alias');
    await symlink(folder, alias);
    expect(first.owned).toBe(true);
    expect(await acquireOwnership(alias)).toEqual({
      owned: false,
      owner: { pid: 4711, url: 'http://127.0.0.1:4000' },
    });
    await release(first);
    const next = await acquireOwnership(folder);
    expect(next.owned).toBe(true);
    await release(next);
  });

  it('does not name an owner that is still starting', async () => {
    const folder = await temporaryFolder();
    const first = await acquireOwnership(folder);
    expect(await acquireOwnership(folder)).toEqual({ owned: false, owner: undefined });
    await release(first);
  });

  it('is free again when its owner was killed', async () => {
    const folder = await temporaryFolder();
    const script = `const { acquireOwnership } = await import(${JSON.stringify(MODULE)});
      console.log((await acquireOwnership(${JSON.stringify(folder)})).owned);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void owner.kill('SIGKILL'));
    const [line] = await once(owner.stdout, 'data');
    expect(String(line).trim()).toBe('true');
    expect((await acquireOwnership(folder)).owned).toBe(false);
    await killHard(owner);
    const next = await acquireOwnership(folder);
    expect(next.owned).toBe(true);
    await release(next);
  });
});
