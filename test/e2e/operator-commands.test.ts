import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusOf } from '../support/service/client.ts';
import { createCommandLine } from '../support/service/command-line.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
} from '../support/service/kiln-process.ts';

let kiln: KilnProcess;
let run: ReturnType<typeof createCommandLine>['run'];
let json: ReturnType<typeof createCommandLine>['json'];

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-operator' });
  ({ run, json } = createCommandLine(kiln.dataDir));
});
afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

describe('kiln accounts, keys and credits', () => {
  it.each([
    ['no name', ['accounts', 'create'], "required option '--name <name>'"],
    ['an empty name', ['accounts', 'create', '--name', ' '], 'must have 1 to 80 characters'],
    ['an unknown dialect', ['keys', 'create', '--name', 'x', '--dialect', 'morse'], 'Allowed choices'],
    ['an unknown scope', ['keys', 'create', '--name', 'x', '--scope', 'all'], 'Allowed choices'],
    ['a restriction of no kind', ['keys', 'create', '--name', 'x', '--restrict', 'moon=1'], 'ip=<address'],
    ['no key', ['keys', 'revoke'], "missing required argument 'keyId'"],
    ['no account', ['keys', 'list'], '--account'],
    ['an unknown plan', ['accounts', 'create', '--name', 'x', '--plan', 'gold'], 'free, basic, pro'],
    ['a term without a value', ['plans', 'edit', 'pro', '--set', 'concurrency'], '<term>='],
    ['a term that does not exist', ['plans', 'edit', 'pro', '--set', 'price=1'], 'price'],
    ['an unknown command', ['keys', 'forget'], 'unknown command'],
    ['no service', ['accounts', 'list', '--url', 'http://127.0.0.1:1'], 'does not answer'],
  ])('say in one line what is wrong and end with 2: %s', async (_what, args, complaint) => {
    const { code, out, err } = await run(...args);
    expect([code, out, err.trim().split('\n').length]).toEqual([2, '', 1]);
    expect(err).toContain(complaint);
  });

  const NOBODY = '019b0000-0000-7000-8000-000000000000';
  it.each([
    ['list the keys of an unknown account', ['keys', 'list', '--account', NOBODY], 'NOT_FOUND'],
    ['make a key for one', ['keys', 'create', '--account', 'nobody', '--name', 'x'], 'NOT_FOUND'],
    ['rename one', ['accounts', 'rename', NOBODY, '--name', 'x'], 'NOT_FOUND'],
    ['move one', ['accounts', 'set-plan', NOBODY, '--plan', 'pro'], 'NOT_FOUND'],
    ['give one credits', ['credits', 'grant', NOBODY, '5'], 'NOT_FOUND'],
    ['see its balance', ['credits', 'balance', '--account', NOBODY], 'NOT_FOUND'],
    ['see its ledger', ['credits', 'ledger', '--account', NOBODY], 'NOT_FOUND'],
    ['revoke an unknown key', ['keys', 'revoke', 'nothing'], 'NOT_FOUND'],
    ['rotate one', ['keys', 'rotate', NOBODY], 'NOT_FOUND'],
    ['use a wrong token', ['accounts', 'list', '--admin-token', 'wrong'], 'admin token is not valid'],
  ])('report a refusal of the service in one line and end with 1: %s', async (_what, args, complaint) => {
    const { code, out, err } = await run(...args);
    expect([code, out, err.trim().split('\n').length]).toEqual([1, '', 1]);
    expect(err).toContain(complaint);
  });

  it('say so when there is nothing to list', async () => {
    const { accountId } = await json('accounts', 'create', '--name', 'Eve', '--credits', '0');
    const account = ['--account', accountId];
    expect((await run('keys', 'list', ...account)).out).toBe('The account has no keys yet.\n');
    expect((await run('credits', 'ledger', ...account)).out).toBe('There are no movements yet.\n');
    expect(await json('keys', 'list', ...account)).toEqual([]);
  });
});

describe('kiln plans', () => {
  it('change live, by a term and by a file, without a restart', async () => {
    const { accountId } = await json('accounts', 'create', '--name', 'Cy', '--plan', 'enterprise');
    const { apiKey } = await json('keys', 'create', '--account', accountId, '--name', 'x');
    const statuses = async (count: number) => {
      const all = [];
      for (let i = 0; i < count; i += 1) all.push(await statusOf(kiln.url, apiKey));
      return all;
    };
    expect(
      await json('plans', 'edit', 'enterprise', '--set', 'callsPerMinute=2', '--set', 'concurrency=7'),
    ).toMatchObject([{ name: 'enterprise', callsPerMinute: 2, concurrency: 7 }]);
    expect(await statuses(3)).toEqual([201, 201, 429]);
    const file = join(kiln.dataDir, 'plans.json');
    await writeFile(
      file,
      JSON.stringify({ enterprise: { callsPerMinute: null, concurrency: 50 }, free: { api: true } }),
    );
    const changes = [
      { plan: 'enterprise', term: 'callsPerMinute', from: 2, to: null },
      { plan: 'enterprise', term: 'concurrency', from: 7, to: 50 },
      { plan: 'free', term: 'api', from: false, to: true },
    ];
    expect(await json('plans', 'apply', file, '--dry-run')).toEqual({ dryRun: true, changes });
    expect((await run('plans', 'apply', file, '--dry-run')).out).toMatch(
      /plan +term +was +would be\n.+\nenterprise +callsPerMinute +2 +unlimited\n/,
    );
    expect(await statuses(1)).toEqual([429]);
    expect(await json('plans', 'apply', file)).toEqual({ dryRun: false, changes });
    expect(await statuses(3)).toEqual([201, 201, 201]);
    expect((await run('plans', 'apply', file)).out).toBe('The plans already are as the file says.\n');
    expect((await run('plans', 'list')).out).toMatch(/callsPerMinute +60 +60 +60 +unlimited +unlimited\n/);
  });

  it('go out as a file, and come back all or none', async () => {
    const file = join(kiln.dataDir, 'exported.json');
    expect(await run('plans', 'export', '--output', file)).toMatchObject({ code: 0 });
    const plans = JSON.parse(await readFile(file, 'utf8'));
    expect(JSON.parse((await run('plans', 'export')).out)).toEqual(plans);
    expect(await json('plans', 'apply', file)).toEqual({ dryRun: false, changes: [] });
    plans.basic.concurrency = 3;
    plans.pro.concurrency = 0;
    await writeFile(file, JSON.stringify({ ...plans, gold: {}, free: 5 }));
    const { code, err } = await run('plans', 'apply', file);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    for (const error of ['pro.concurrency', 'no plan "gold"', 'free:']) expect(err).toContain(error);
    expect(await json('plans', 'list')).toContainEqual(
      expect.objectContaining({ name: 'basic', concurrency: 2 }),
    );
  });
});
