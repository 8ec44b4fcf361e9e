import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PreparedJob } from '../../../src/rest/swapmyfile/response.ts';
import { type Service, send, startService } from '../../http/service.ts';
import { createClient, hero } from './client.ts';

let service: Service;
let client: ReturnType<typeof createClient>;
beforeAll(async () => {
  service = await startService();
  client = createClient(service);
});
afterAll(() => service.close());

describe('prepare with an Idempotency-Key', () => {
  const keyed = (key: string) => ({ 'X-API-Key': client.proKey, 'Idempotency-Key': key });

  it('answers a repeat with the same job and where its bytes go', async () => {
    const answers = [await client.prepare(hero, keyed('one')), await client.prepare(hero, keyed('one'))];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const [first, second] = answers.map((answer) => answer.json<PreparedJob>());
    expect(second?.job.jobId).toBe(first?.job.jobId);
    expect(second?.upload).toMatchObject({ mode: 'put', url: expect.stringMatching(`^${service.url}/`) });
    const other = (await client.prepare(hero, keyed('another'))).json<PreparedJob>();
    expect(other.job.jobId).not.toBe(first?.job.jobId);
  });

  it('answers another body with 409 and a code of its own', async () => {
    await client.prepare(hero, keyed('two'));
    const answer = await client.prepare({ ...hero, inputSize: 6 }, keyed('two'));
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({
      error: { code: 'IDEMPOTENCY_CONFLICT', field: 'Idempotency-Key', hint: expect.any(String) },
    });
  });

  it('refuses a key that is too long', async () => {
    const answer = await client.prepare(hero, keyed('a'.repeat(256)));
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { code: 'INVALID_INPUT', field: 'Idempotency-Key' } });
  });

  it('knows no repeat of somebody who shows nothing', async () => {
    const anonymous = async () =>
      (await client.prepare(hero, { 'Idempotency-Key': 'one' })).json<PreparedJob>();
    const [first, second] = [await anonymous(), await anonymous()];
    expect(second.job.jobId).not.toBe(first.job.jobId);
  });

  it('knows the repeat of a guest', async () => {
    const { guestToken } = (await client.prepare(hero, {})).json<PreparedJob>();
    const headers = { Authorization: `Bearer ${guestToken}`, 'Idempotency-Key': 'guest' };
    const answers = [await client.prepare(hero, headers), await client.prepare(hero, headers)];
    const [first, second] = answers.map((answer) => answer.json<PreparedJob>().job.jobId);
    expect(second).toBe(first);
  });
});

describe('prepare', () => {
  it('answers with the job, where its bytes go and how to watch it', async () => {
    const answer = await client.prepare(hero);
    expect([answer.status, answer.headers['content-type']]).toEqual([201, 'application/json']);
    const { job, upload, statusToken, nextChecks, guestToken } = answer.json<PreparedJob>();
    expect(job).toEqual({
      jobId: expect.any(String),
      converterSlug: 'jpg-to-png',
      status: 'awaiting_upload',
      inputFilename: 'hero.jpg',
      outputFilename: 'hero.png',
      downloadUrl: null,
      callback: null,
      progress: { percent: 0, stage: expect.any(String) },
    });
    expect(upload).toEqual({
      mode: 'put',
      method: 'PUT',
      url: expect.stringMatching(`^${service.url}/`),
      headers: { 'Content-Type': 'image/jpeg' },
      completeUrl: expect.stringMatching(`^${service.url}/`),
    });
    expect(statusToken).not.toBe('');
    expect(nextChecks.length).toBeGreaterThan(0);
    expect(guestToken).toBeUndefined();
  });

  it('leads to a stored file, by PUT and completeUrl', async () => {
    const { job, upload } = (await client.prepare(hero)).json<PreparedJob>();
    if (upload?.mode !== 'put') throw new Error('a direct PUT was expected');
    expect(
      (
        await send(service.url, upload.url.slice(service.url.length), {
          method: upload.method,
          headers: upload.headers,
          body: 'hello',
        })
      ).status,
    ).toBe(200);
    expect(
      (await send(service.url, upload.completeUrl.slice(service.url.length), { method: 'POST' })).status,
    ).toBe(200);
    expect(service.woken).toContain(job.jobId);
  });

  it('leads to a stored file, by a form', async () => {
    const { job, upload } = (await client.prepare({ ...hero, uploadMode: 'multipart' })).json<PreparedJob>();
    expect(upload).toEqual({
      mode: 'multipart',
      method: 'POST',
      url: expect.any(String),
      headers: {},
      fieldName: 'file',
    });
    expect(await client.sendForm(upload?.url)).toBe(200);
    expect(service.woken).toContain(job.jobId);
  });

  it('takes the body whatever its type is called, and passes over fields it does not know', async () => {
    const body = JSON.stringify({ ...hero, folder: 'holidays' }).replace('{', '{"__proto__":{"plan":"pro"},');
    for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded']) {
      expect((await client.prepare(body, { 'X-API-Key': client.proKey, 'Content-Type': type })).status).toBe(
        201,
      );
    }
  });

  it('keeps a callback, and never shows its secret', async () => {
    const callbackUrl = 'https://client.example/hooks';
    const answer = await client.prepare({ ...hero, callbackUrl, callbackSecret: 'cbsecret' });
    expect(answer.json<PreparedJob>().job.callback).toEqual({
      url: callbackUrl,
      status: 'pending',
      attempts: 0,
    });
    expect(answer.text).not.toContain('cbsecret');
    expect(answer.text).not.toContain('sealed');
  });

  it.each(['/uploads/prepare/', '//uploads//prepare', '/uploads/prepare//'])(
    'answers at %s as well',
    async (path) => {
      expect((await client.prepare(hero, undefined, path)).status).toBe(201);
    },
  );

  it.each<[string, unknown, string | undefined]>([
    ['no converterSlug', { ...hero, converterSlug: undefined }, 'converterSlug'],
    ['a query as converterSlug', { ...hero, converterSlug: { $ne: null } }, 'converterSlug'],
    ['no inputFilename', { ...hero, inputFilename: undefined }, 'inputFilename'],
    ['an empty inputFilename', { ...hero, inputFilename: '' }, 'inputFilename'],
    ['a list as inputFilename', { ...hero, inputFilename: ['a'] }, 'inputFilename'],
    ['an endless inputFilename', { ...hero, inputFilename: 'a'.repeat(256) }, 'inputFilename'],
    ['no inputMime', { ...hero, inputMime: undefined }, 'inputMime'],
    ['an inputMime that is none', { ...hero, inputMime: 'jpeg' }, 'inputMime'],
    ['an inputMime with a line break', { ...hero, inputMime: 'image/jpeg\r\nX-Evil: 1' }, 'inputMime'],
    ['no inputSize', { ...hero, inputSize: undefined }, 'inputSize'],
    ['inputSize 0', { ...hero, inputSize: 0 }, 'inputSize'],
    ['a negative inputSize', { ...hero, inputSize: -1 }, 'inputSize'],
    ['half a byte', { ...hero, inputSize: 0.5 }, 'inputSize'],
    ['inputSize as text', { ...hero, inputSize: '5' }, 'inputSize'],
    ['a query as inputSize', { ...hero, inputSize: { $gt: 0 } }, 'inputSize'],
    ['an inputSize beyond all numbers', JSON.stringify(hero).replace('5}', '1e400}'), 'inputSize'],
    ['another uploadMode', { ...hero, uploadMode: 'ftp' }, 'uploadMode'],
    ['a relative callbackUrl', { ...hero, callbackUrl: '/hooks' }, 'callbackUrl'],
    ['a callbackUrl without slashes', { ...hero, callbackUrl: 'http:client.example' }, 'callbackUrl'],
    ['a callbackUrl of another scheme', { ...hero, callbackUrl: 'file:///etc/passwd' }, 'callbackUrl'],
    ['a query as callbackUrl', { ...hero, callbackUrl: { $ne: null } }, 'callbackUrl'],
    ['a callbackSecret alone', { ...hero, callbackSecret: 's' }, 'callbackSecret'],
    [
      'an empty callbackSecret',
      { ...hero, callbackUrl: 'https://client.example', callbackSecret: '' },
      'callbackSecret',
    ],
    ['half a JSON', '{"converterSlug":', undefined],
    ['nothing', '', undefined],
    ['a list', [hero], undefined],
    ['null', 'null', undefined],
  ])('refuses %s before any byte moves', async (_name, body, field) => {
    const answer = await client.prepare(body);
    const { error } = answer.json<{ error: { code: string; message: string; field?: string } }>();
    expect([answer.status, error.code, error.field]).toEqual([400, 'INVALID_INPUT', field]);
    expect(error.message).toMatch(/^\S.*\.$/);
  });

  it.each([
    'jpg-to-nothing',
    'nothing-to-png',
    'jpg',
    '-to-',
    'jpg-to-png-to-gif',
    'constructor-to-png',
    '__proto__',
  ])('knows no converter %s', async (converterSlug) => {
    const answer = await client.prepare({ ...hero, converterSlug });
    expect([answer.status, answer.json()]).toMatchObject([
      404,
      { error: { code: 'UNKNOWN_CONVERTER', field: 'converterSlug' } },
    ]);
  });

  it.each([
    ['jpg', 'A converter is named <source>-to-<target>'],
    ['jpg-to-webpp', 'Did you mean webp'],
    ['heix-to-jpg', 'Did you mean heic or heif?'],
    ['png-to-svg', 'PNG can become jpg, png, '],
    ['nothing-to-png', 'The formats are jpg, png, '],
  ])('says at %s what would be one', async (converterSlug, hint) => {
    const answer = await client.prepare({ ...hero, converterSlug });
    expect(answer.json()).toMatchObject({ error: { hint: expect.stringContaining(hint) } });
  });

  it('refuses a file that is too large, under the name that its sender used', async () => {
    const answer = await client.prepare({ ...hero, inputSize: 2 ** 40 });
    expect([answer.status, answer.json()]).toMatchObject([
      413,
      {
        error: {
          code: 'TOO_LARGE',
          field: 'inputSize',
          message: expect.stringContaining(`The file has ${2 ** 40} bytes; `),
          hint: expect.any(String),
        },
      },
    ]);
  });
});

describe('who may prepare', () => {
  it.each([
    { 'X-API-Key': 'smf_live_wrong' },
    { 'X-API-Key': '' },
    { Authorization: 'Bearer wrong' },
    { Authorization: 'Bearer 0a1b2c3d.e30.AAAA' },
    { Authorization: 'Basic YTpi' },
  ])('a wrong credential is refused and never becomes a guest: %o', async (headers) => {
    const answer = await client.prepare(hero, { ...headers });
    expect([answer.status, answer.json()]).toMatchObject([401, { error: { code: 'UNAUTHENTICATED' } }]);
  });

  it.each(['free', 'basic'])('the %s plan does not open the API', async (plan) => {
    const headers = { 'X-API-Key': service.memory.newKey(plan) };
    for (const answer of [await client.prepare(hero, headers), await client.getJob('x', headers)]) {
      expect([answer.status, answer.json()]).toMatchObject([403, { error: { code: 'FORBIDDEN' } }]);
    }
  });

  it('an enterprise account may, also by Bearer', async () => {
    expect(
      (await client.prepare(hero, { Authorization: `Bearer ${service.memory.newKey('enterprise')}` })).status,
    ).toBe(201);
  });

  it('callbacks are not for guests', async () => {
    const request = { ...hero, callbackUrl: 'https://client.example' };
    expect((await client.prepare(request, {})).status).toBe(401);
    const { guestToken } = (await client.prepare(hero, {})).json<PreparedJob>();
    expect((await client.prepare(request, { Authorization: `Bearer ${guestToken}` })).status).toBe(403);
  });
});
