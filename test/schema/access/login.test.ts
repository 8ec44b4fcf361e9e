import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Account } from '../../../src/domain/access/account.ts';
import { ADMIN, ADMIN_TOKEN } from '../../support/harness/access-harness.ts';
import { type LoginHarness, openLoginHarness } from '../../support/harness/login-harness.ts';
import { createApi, type ServedApi, serveApi } from '../client.ts';
import { createService, type Service } from '../service.ts';

let harness: LoginHarness;
let account: Account;
let service: Service;
let api: ReturnType<typeof createApi>;

beforeAll(async () => {
  harness = await openLoginHarness();
});
beforeEach(async () => {
  account = await harness.newAccount();
  service = createService();
  api = createApi({ ...service.operations, ...harness.operations });
});
afterAll(() => harness.close());

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const login = () => harness.server.token({ claims: harness.named(account), issuedIn: -1 });

describe('GraphQL', () => {
  const SESSION =
    'mutation { createSession { ... on CreateSessionSuccess { token } ... on Error { code } } }';
  const ME = '{ me { kind accountId } }';

  it('takes a login as Bearer, mints a session from it and is ended by its owner', async () => {
    const headers = bearer(await login());
    const me = { kind: 'ACCOUNT', accountId: account._id };
    expect((await api.ask(ME, {}, headers)).data.me).toEqual(me);
    const { token } = (await api.ask(SESSION, {}, headers)).data.createSession;
    expect((await api.ask(ME, {}, bearer(token))).data.me).toEqual(me);
    const end =
      'mutation { endSessions { ... on LoginsSuccess { account { sessionsSince } } ... on Error { code } } }';
    const ended = await api.ask(end, {}, bearer(token));
    expect(Date.parse(ended.data.endSessions.account.sessionsSince)).toBeGreaterThan(Date.now() - 60_000);
    for (const gone of [headers, bearer(token)])
      expect((await api.ask(ME, {}, gone)).errors?.[0]).toMatchObject({
        extensions: { code: 'UNAUTHENTICATED' },
      });
  });

  it('links by the operator’s token, and shows the link', async () => {
    const link = `mutation ($id: ID!, $subject: String) { linkAccount(id: $id, subject: $subject) {
      ... on LoginsSuccess { account { login } } ... on Error { code field hint } } }`;
    const admin = bearer(ADMIN_TOKEN);
    const variables = { id: account._id, subject: `sub of ${account._id}` };
    expect((await api.ask(link, variables, admin)).data.linkAccount).toEqual({
      account: { login: variables.subject },
    });
    const headers = bearer(await harness.server.token({ claims: { sub: variables.subject } }));
    expect((await api.ask('{ account { login } }', {}, headers)).data.account.login).toBe(variables.subject);
    expect((await api.ask(link, variables, headers)).data.linkAccount).toMatchObject({ code: 'FORBIDDEN' });
    expect((await api.ask(link, { id: account._id }, admin)).data.linkAccount).toEqual({
      account: { login: null },
    });
  });

  it('does not take a login in the place of a key', async () => {
    const { errors } = await api.ask(ME, {}, { 'X-API-Key': await login() });
    expect(errors?.[0]).toMatchObject({ message: 'The API key is not valid.' });
  });

  it('says that it does not know, when the login server is away', async () => {
    harness.server.fail('refuses');
    onTestFinished(() => harness.server.fail(null));
    const process = harness.newProcess();
    const other = createApi({ ...service.operations, ...process.operations });
    const { errors } = await other.ask(ME, {}, bearer(await login()));
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE' });
    await process.close();
  });

  it('keeps tokens out of its log and its answers', async () => {
    const token = await login();
    const wrong = `${token.slice(0, -10)}AAAAAAAAAA`;
    const answers = [await api.ask(ME, {}, bearer(token)), await api.ask(ME, {}, bearer(wrong))];
    expect(answers.map(({ errors }) => errors?.[0]?.extensions?.code)).toEqual([
      undefined,
      'UNAUTHENTICATED',
    ]);
    for (const part of [...token.split('.'), wrong.split('.')[2] ?? ''])
      expect(JSON.stringify(answers) + api.log()).not.toContain(part);
  });
});

describe('an open subscription', () => {
  const EVENTS = 'subscription ($jobId: ID!) { jobEvents(jobId: $jobId) { seq } }';
  const JOB = `mutation { createJob(input: { target: "webp", upload: { filename: "a.png", mime: "image/png", size: 1 } }) {
    ... on CreateJobSuccess { job { jobId } } } }`;
  let server: ServedApi;

  beforeEach(async () => {
    server = await serveApi(api);
  });
  afterEach(() => server.close());

  it.each(['a login', 'a session from a login'])('of %s ends within 5 s of endSessions', async (what) => {
    const jwt = await login();
    const { token } = await harness.operations.createSession(await harness.byLogin(jwt), 'full', 5);
    const shown = what === 'a login' ? jwt : token;
    const { jobId } = (await api.ask(JOB, {}, bearer(shown))).data.createJob.job;
    const closed = Promise.withResolvers<unknown>();
    const client = createClient({
      url: server.socketUrl,
      connectionParams: { authorization: `Bearer ${shown}` },
      retryAttempts: 0,
      webSocketImpl: WebSocket,
      on: { closed: closed.resolve },
    });
    const events = client.iterate({ query: EVENTS, variables: { jobId } });
    await events.next();
    const began = performance.now();
    await harness.operations.endSessions(ADMIN, account._id);
    events.next().catch(() => {});
    expect(await closed.promise).toMatchObject({ code: 4403 });
    const seconds = (performance.now() - began) / 1000;
    console.log(`${what}: the socket was closed ${seconds.toFixed(2)} s after endSessions`);
    expect(seconds).toBeLessThan(5);
    await vi.waitFor(() => expect(service.watchers(jobId)).toBe(0));
  });
});
