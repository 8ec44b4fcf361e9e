import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';

/** Erases the screen, sets a title, moves the cursor (C1), turns the writing round, begins a line of its own. */
const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp.exe\u2066\n0000 root\u200f\u2028';
const OBEYED = /(?!\n)[\p{Cc}\u200f\u2028\u202e\u2066]/u;
const main = join(import.meta.dirname, '../../../src/cli/main.ts');

const ACCOUNT = { accountId: 'a', name: HOSTILE, createdAt: '2026-01-01T00:00:00Z', plan: { name: 'pro' } };
const KEY = {
  keyId: 'k',
  name: HOSTILE,
  prefix: HOSTILE,
  scopes: ['READ'],
  usageCount: 0,
  lastUsedAt: null,
  dialect: 'KILN',
  restriction: { type: 'DOMAIN', values: [HOSTILE] },
  createdAt: '2026-01-01T00:00:00Z',
  revokedAt: null,
  secretSince: '2026-01-01T00:00:00Z',
  publicKey: HOSTILE,
};
const JOB = {
  jobId: 'j',
  status: 'FAILED',
  warnings: [HOSTILE],
  createdAt: '2026-01-01T00:00:00Z',
  error: { code: 'CORRUPT_INPUT', message: HOSTILE },
  inputs: [{ filename: HOSTILE, size: 1 }],
  conversions: [{ source: 'png', target: HOSTILE, engine: null, engineMs: null }],
  outputs: [],
};

/** A service whose users have such names; a rename is refused in such words. */
const service = createServer(async (request, response) => {
  const { query } = JSON.parse(await text(request));
  const answer = query.includes('renameAccount')
    ? {
        data: {
          renameAccount: {
            __typename: 'InvalidInputError',
            code: 'INVALID_INPUT',
            message: HOSTILE,
            hint: HOSTILE,
          },
        },
      }
    : {
        data: {
          accounts: { edges: [{ node: ACCOUNT }] },
          account: { ...ACCOUNT, keys: [KEY] },
          jobs: { edges: [{ node: JOB }] },
        },
      };
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
});
beforeAll(async () => {
  await once(service.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => service.close());

async function kiln(...args: string[]) {
  const { port } = service.address() as AddressInfo;
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      PATH: process.env.PATH,
      KILN_URL: `http://127.0.0.1:${port}`,
      KILN_API_KEY: 'kiln_live_x',
      KILN_ADMIN_TOKEN: 'the-token-of-the-operator-of-this-test',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

describe('what strangers call themselves does nothing in a terminal', () => {
  it.each([
    [['accounts', 'list']],
    [['accounts', 'list', '--json']],
    [['keys', 'list', '--account', 'a']],
    [['keys', 'list', '--account', 'a', '--json']],
    [['jobs']],
    [['jobs', '--json']],
  ])('as %j', async (args) => {
    const { code, out, err } = await kiln(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toMatch(OBEYED);
    if (args.includes('--json')) expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(HOSTILE));
    else {
      expect(out).toContain('\\u001b[2J');
      expect(out).not.toMatch(/^0000 root/m);
    }
  });

  it('nor does a refusal, which is one line', async () => {
    const { code, err } = await kiln('accounts', 'rename', 'a', '--name', 'x');
    expect(code).not.toBe(0);
    expect(err).toContain('\\u001b[2J');
    expect(err.trimEnd()).not.toMatch(OBEYED);
    expect(err.trimEnd()).not.toContain('\n');
  });

  it('nor does a line of the log', async () => {
    const lines: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = ((chunk: string) => lines.push(String(chunk)) > 0) as typeof write;
    try {
      createLog('info').warn({ filename: HOSTILE }, HOSTILE);
    } finally {
      process.stderr.write = write;
    }
    expect(lines.join('')).not.toMatch(OBEYED);
    expect(JSON.parse(lines.join(''))).toMatchObject({ filename: HOSTILE, msg: HOSTILE });
  });
});
