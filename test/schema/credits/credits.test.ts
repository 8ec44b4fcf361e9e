import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { createAccounts } from '../../../src/operations/access/accounts.ts';
import { createCredits } from '../../../src/operations/credits/credits.ts';
import { createQuote } from '../../../src/operations/credits/quote.ts';
import { createFindJobs } from '../../../src/operations/jobs/find-jobs.ts';
import { createAccountRepository } from '../../../src/store/accounts.ts';
import { createFileRepository } from '../../../src/store/files.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { openDatabase } from '../../support/database.ts';
import { anAccount, type Money, openMoney } from '../../support/money.ts';
import { aFile, aJob, anAccountCaller } from '../../support/records.ts';
import { createApi, type ServedApi, serveApi } from '../client.ts';
import { ADMIN_TOKEN, createService } from '../service.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');
const ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };

let database: Awaited<ReturnType<typeof openDatabase>>;
let money: Money;
let api: ReturnType<typeof createApi>;
let server: ServedApi;
let accountId: string;

/** GraphQL over a real database; the owner's API key is the account's id here. */
beforeAll(async () => {
  database = await openDatabase();
  money = openMoney(database.collections);
  const accounts = createAccountRepository(database.collections);
  api = createApi({
    ...createService().operations,
    findAccount: createAccounts({ accounts, requireAccountPlan: async () => {} }).findAccount,
    ...createCredits({ ...money, noteGranted: async () => {} }),
    quote: createQuote({ files: createFileRepository(database.collections) }),
    ...createFindJobs({ jobs: createJobRepository(database.collections, { publish: () => {} }) }),
    authenticate: async (credential) =>
      credential?.kind === 'api-key'
        ? anAccountCaller({ accountId: credential.apiKey })
        : { kind: 'anonymous' },
  });
  server = await serveApi(api);
});
beforeEach(async () => {
  accountId = await anAccount(database.collections, 0);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const owner = (id = accountId) => ({ 'x-api-key': id });
const GRANT = `mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) {
  ... on GrantCreditsSuccess { balance { available held } }
  ... on Error { code field }
} }`;
const LEDGER = `query ($first: Int, $last: Int, $after: String, $before: String) { account { available held
  ledger(first: $first, last: $last, after: $after, before: $before) {
    edges { node { seq kind jobId change { available } balance { available held } } }
    pageInfo { startCursor endCursor hasNextPage }
  }
} }`;

async function grant(input: object, headers: Record<string, string> = ADMIN) {
  return (await api.ask(GRANT, { input: { accountId, ...input } }, headers)).data.grantCredits;
}

describe('grantCredits', () => {
  it('adds credits once for each grantId', async () => {
    const input = { amount: 500, grantId: newId() };
    expect(await grant(input)).toEqual({ balance: { available: 500, held: 0 } });
    expect(await grant(input)).toEqual({ balance: { available: 500, held: 0 } });
    expect(await grant({ ...input, amount: 501 })).toMatchObject({ code: 'WRONG_STATE' });
    expect(await grant({ amount: 1 })).toEqual({ balance: { available: 501, held: 0 } });
  });

  it.each([
    [{ amount: 0 }, { code: 'INVALID_INPUT', field: 'amount' }],
    [{ amount: -5 }, { code: 'INVALID_INPUT', field: 'amount' }],
    [
      { amount: 5, grantId: 'a.b' },
      { code: 'INVALID_INPUT', field: 'grantId' },
    ],
    [
      { amount: 5, accountId: 'nobody' },
      { code: 'NOT_FOUND', field: null },
    ],
  ])('refuses %j', async (input, refusal) => {
    expect(await grant(input)).toEqual(refusal);
    expect((await money.credits.get(accountId)).available).toBe(0);
  });

  it('is for the operator only', async () => {
    expect(await grant({ amount: 5 }, owner())).toMatchObject({ code: 'FORBIDDEN' });
    expect(await grant({ amount: 5 }, {})).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect((await money.credits.get(accountId)).available).toBe(0);
  });
});

describe('the account', () => {
  async function spend(): Promise<string> {
    const jobId = newId();
    await grant({ amount: 10 });
    await money.credits.hold({ accountId, jobId, run: '1', amount: 4 });
    await money.credits.settle({ accountId, jobId, run: '1', used: 3 });
    return jobId;
  }

  it('shows its balance and every movement, newest first, up to this moment', async () => {
    const jobId = await spend();
    const { data } = await api.ask(LEDGER, {}, owner());
    expect(data.account).toMatchObject({ available: 7, held: 0 });
    expect(data.account.ledger.edges.map(({ node }: { node: object }) => node)).toEqual([
      entry(4, 'RELEASE', jobId, 1, [7, 0]),
      entry(3, 'CAPTURE', jobId, 0, [6, 1]),
      entry(2, 'HOLD', jobId, -4, [6, 4]),
      entry(1, 'GRANT', null, 10, [10, 0]),
    ]);
  });

  function entry(seq: number, kind: string, jobId: string | null, change: number, after: [number, number]) {
    const [available, held] = after;
    return { seq, kind, jobId, change: { available: change }, balance: { available, held } };
  }

  it('goes through the ledger page by page, in both directions', async () => {
    await spend();
    const page = async (args: object) => {
      const { ledger } = (await api.ask(LEDGER, args, owner())).data.account;
      return {
        ...ledger.pageInfo,
        seqs: ledger.edges.map(({ node }: { node: { seq: number } }) => node.seq),
      };
    };
    const first = await page({ first: 3 });
    expect(first).toMatchObject({ seqs: [4, 3, 2], hasNextPage: true });
    const second = await page({ first: 3, after: first.endCursor });
    expect(second).toMatchObject({ seqs: [1], hasNextPage: false });
    expect(await page({ last: 2, before: second.startCursor })).toMatchObject({ seqs: [3, 2] });
    expect(await page({ last: 2 })).toMatchObject({ seqs: [2, 1] });
    const { errors } = await api.ask(LEDGER, { after: 'bm9wZQ' }, owner());
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'after' });
  });

  it('of somebody else does not exist', async () => {
    const other = await anAccount(database.collections, 5);
    const ask = `query ($id: ID) { account(id: $id) { available } }`;
    const { data, errors } = await api.ask(ask, { id: other }, owner());
    expect(data.account).toBeNull();
    expect(errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect((await api.ask(ask, { id: other }, ADMIN)).data.account).toEqual({ available: 5 });
  });
});

describe('a quote', () => {
  const QUOTE = 'query ($input: QuoteInput!) { quote(input: $input) { perMinute minimum ceiling exact } }';
  const FREE = { perMinute: 0, minimum: 0, ceiling: 0 };

  it('says that pictures are free, and of a file that was read so for certain', async () => {
    const file = aFile({ owner: `account:${accountId}`, format: 'png' });
    await database.collections.files.insertOne(file);
    const ask = async (input: object) => (await api.ask(QUOTE, { input }, owner())).data.quote;
    expect(await ask({ source: 'heic', target: 'webp' })).toEqual({ ...FREE, exact: false });
    expect(await ask({ fileId: file._id, target: 'webp' })).toEqual({ ...FREE, exact: true });
  });

  it.each([{}, { source: 'png', fileId: newId() }, { fileId: newId(), durationSeconds: 5 }])(
    'is asked for a format or for a file, not for %j',
    async (input) => {
      const { errors } = await api.ask(QUOTE, { input: { ...input, target: 'webp' } }, owner());
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', hint: expect.any(String) });
    },
  );
});

describe('a job', () => {
  it('tells what it cost, and nothing when it was free', async () => {
    const owned = { owner: `account:${accountId}` };
    const [paid, free] = [aJob({ ...owned, status: 'ready', spent: 4 }), aJob({ ...owned, status: 'ready' })];
    await database.collections.jobs.insertMany([paid, free]);
    const spentOf = async (id: string) =>
      (await api.ask('query ($id: ID!) { job(id: $id) { spent } }', { id }, owner())).data.job.spent;
    expect([await spentOf(paid._id), await spentOf(free._id)]).toEqual([4, 0]);
  });
});

describe('kiln credits', () => {
  async function kiln(...args: string[]) {
    const child = spawn(process.execPath, [MAIN, 'credits', ...args, '--url', server.url], {
      env: { PATH: process.env.PATH, NO_COLOR: '1', KILN_API_KEY: accountId, KILN_ADMIN_TOKEN: ADMIN_TOKEN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [[code], stdout, stderr] = await Promise.all([
      once(child, 'exit'),
      text(child.stdout),
      text(child.stderr),
    ]);
    return { code, stdout, stderr };
  }

  it('grants, shows and lists, for people and for scripts', async () => {
    expect(JSON.parse((await kiln('grant', accountId, '25', '--json')).stdout)).toEqual({
      accountId,
      available: 25,
      held: 0,
    });
    expect((await kiln('balance')).stdout).toBe('Payer: 25 media credits, and 0 held for running jobs\n');
    const ledger = await kiln('ledger', '--account', accountId);
    expect(ledger.stdout).toMatch(/no\.\s+at\s+kind\s+change/);
    expect(ledger.stdout).toMatch(/1 .* grant\s+\+25\s+0\s+25\s+0\n/);
    expect(JSON.parse((await kiln('ledger', '--json')).stdout)).toMatchObject([{ seq: 1, kind: 'GRANT' }]);
  });

  it('says what is wrong with a grant', async () => {
    const { code, stderr } = await kiln('grant', newId(), '5');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kiln: There is no such account\. .+ \(NOT_FOUND\)\n$/);
  });

  it('reconciles: 0 when all is well, 1 with the difference when a balance was tampered with', async () => {
    await grant({ amount: 10 });
    const sound = await kiln('reconcile');
    expect(sound).toMatchObject({ code: 0, stdout: expect.stringContaining('0 differences') });
    await database.collections.accounts.updateOne({ _id: accountId }, { $inc: { available: 1 } });
    const broken = await kiln('reconcile');
    expect(broken.code).toBe(1);
    expect(broken.stdout).toMatch(new RegExp(`${accountId}\\s+sum of the ledger: available\\s+11\\s+10`));
    await database.collections.accounts.updateOne({ _id: accountId }, { $inc: { available: -1 } });
  });

  it('finds a job that was captured twice, whoever wrote that', async () => {
    const jobId = newId();
    const entry = { accountId, subject: jobId, kind: 'capture' as const, at: new Date() };
    const nothing = { available: 0, held: 0 };
    for (const [i, run] of ['1', '2'].entries()) {
      const _id = `${jobId}:capture:${run}`;
      await database.collections.ledger.insertOne({
        ...entry,
        _id,
        run,
        seq: i + 1,
        change: nothing,
        balance: nothing,
      });
    }
    await database.collections.accounts.updateOne({ _id: accountId }, { $set: { entrySeq: 2 } });
    const { differences } = JSON.parse((await kiln('reconcile', '--json')).stdout);
    expect(differences).toEqual([{ accountId, what: `captures of job ${jobId}`, expected: 1, found: 2 }]);
    await database.collections.ledger.deleteMany({ accountId });
    await database.collections.accounts.updateOne({ _id: accountId }, { $set: { entrySeq: 0 } });
  });
});
