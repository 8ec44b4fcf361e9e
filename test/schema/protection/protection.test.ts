import { describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../../schema/server.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import { createApi } from '../client.ts';
import { createService } from '../service.ts';

const LIMIT = { code: 'LIMIT_EXCEEDED' };

function start(development = false) {
  return createApi(createService().operations, { development });
}

async function refusal(response: Response) {
  const { errors, data } = (await response.json()) as { errors: { extensions: unknown }[]; data?: unknown };
  return { status: response.status, extensions: errors[0]?.extensions, data };
}

describe('an operation that asks for too much', () => {
  const nested = (depth: number) => `{ formats ${'{ targets '.repeat(depth)} { id } ${'}'.repeat(depth)} }`;
  const aliases = (count: number) =>
    `{ ${Array.from({ length: count }, (_, i) => `a${i}: me { kind }`).join(' ')} }`;

  it.each([
    ['50 levels', nested(50)],
    ['1000 aliases', aliases(1000)],
    ['31 aliases', aliases(31)],
    ['10000 fields', `{ me { ${'kind '.repeat(10_000)} } }`],
    ['directives', `{ me { kind ${'@include(if: true) '.repeat(21)} } }`],
    ['a cascade of lists', '{ formats { targets { targets { id } } } }'],
    [
      'a cascade hidden in fragments',
      '{ formats { ...a } } fragment a on Format { targets { ...b } } fragment b on Format { targets { id } }',
    ],
    ['100,000 lists within each other', `{ me(x: ${'['.repeat(100_000)}`],
    ['100,000 fields within each other', '{ a '.repeat(100_000)],
    ['a type of 100,000 lists', `query ($a: ${'['.repeat(100_000)}`],
    [
      'fragments that double each other',
      `{ ...f0 } ${Array.from({ length: 90 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`).join(' ')} fragment f90 on Query { me { kind } }`,
    ],
    ['one field again and again', `{ ${'formats { id } '.repeat(480)} }`],
    ['one nested field again and again', `{ ${'formats { targets { id } } '.repeat(60)} }`],
    [
      'options of every pair, five times',
      `{ ${[0, 1, 2, 3, 4].map((i) => `a${i}: formats { targets { optionsSchema } }`).join(' ')} }`,
    ],
    [
      'a page that gives back what another one costs',
      '{ batches(first: 100) { edges { node { jobs(count: -100000) { id } } } } jobs(first: 100) { edges { node { events { seq at } deliveries(first: 100) { edges { cursor } } } } } }',
    ],
    ['a huge page', '{ jobs(first: 99999999) { edges { node { id } } } }'],
    [
      'many pages',
      `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: jobs(first: 100) { edges { node { id seq } } }`).join(' ')} }`,
    ],
  ])('is refused before it runs: %s', async (_what, query) => {
    const { post } = start();
    const began = performance.now();
    const { status, extensions, data } = await refusal(await post({ query }));
    expect({ status, extensions, data }).toEqual({ status: 400, extensions: LIMIT, data: undefined });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('is weighed by its variables and by the operation that is chosen', async () => {
    const { post } = start();
    const query = `query a { me { kind } }
      query b($first: Int) { jobs(first: $first) { edges { node { id } } } }`;
    const asked = (operationName: string, first: number) =>
      post({ query, operationName, variables: { first } });
    expect((await asked('b', 10)).status).toBe(200);
    expect(await refusal(await asked('b', 99_999_999))).toMatchObject({ status: 400, extensions: LIMIT });
    expect((await asked('a', 99_999_999)).status).toBe(200);
    expect((await asked('b', 10)).status).toBe(200);
  });

  it('is refused when its fragments go in circles, or its list is a batch', async () => {
    const { post } = start();
    const circle = await post({ query: '{ formats { ...a } } fragment a on Format { targets { ...a } }' });
    expect(await circle.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT' } }] });
    const batch = await post(Array.from({ length: 1000 }, () => ({ query: '{ me { kind } }' })));
    expect(batch.status).toBe(400);
  });

  it('is read as far as a batch of 1,000 long requests needs, and no further', async () => {
    const { post } = start();
    const ask = (length: number) => post({ query: '{ me { kind } }', variables: { x: 'x'.repeat(length) } });
    expect((await ask(1_000_000)).status).toBe(200);
    expect((await ask(MAX_BODY_BYTES)).status).toBe(413);
  });
});

describe('in production', () => {
  it('hides the schema from strangers: no introspection, no suggestions, no page', async () => {
    const { ask, handle } = start();
    const { errors } = await ask('{ __schema { types { name } } }');
    expect(errors?.[0]?.message).toContain('introspection');
    for (const query of [
      '{ jbos { id } }',
      '{ me { knd } }',
      '{ jobs(status: REDY) { edges { cursor } } }',
    ]) {
      expect(JSON.stringify(await ask(query))).not.toMatch(/did you mean/i);
    }
    const answer = await ask('query ($s: JobStatus) { jobs(status: $s) { edges { cursor } } }', {
      s: 'REDY',
    });
    expect(answer.errors?.[0]?.message).toMatch(/REDY/);
    expect(JSON.stringify(answer)).not.toMatch(/did you mean/i);
    const page = await handle(new Request('https://kiln.test/graphql', { headers: { Accept: 'text/html' } }));
    expect(await page.text()).not.toMatch(/<html/i);
  });

  it('has all of that in development', async () => {
    const { ask, handle } = start(true);
    expect((await ask('{ __schema { queryType { name } } }')).data.__schema.queryType.name).toBe('Query');
    expect(JSON.stringify(await ask('{ jbos { id } }'))).toMatch(/did you mean/i);
    const page = await handle(new Request('https://kiln.test/graphql', { headers: { Accept: 'text/html' } }));
    expect(await page.text()).toMatch(/<html/i);
  });
});

describe('a forged request', () => {
  const mutation = 'mutation { cancelJob(id: "x") { __typename } }';

  it.each([
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/graphql',
  ])('is refused as %s', async (type) => {
    const { post } = start();
    const body = type.includes('urlencoded') ? `query=${encodeURIComponent(mutation)}` : mutation;
    expect((await post(body, { 'Content-Type': type })).status).toBe(415);
  });

  it('cannot change anything by GET, but can read', async () => {
    const { handle } = start();
    const get = (query: string) =>
      handle(
        new Request(`https://kiln.test/graphql?query=${encodeURIComponent(query)}`, {
          headers: { Accept: 'application/json' },
        }),
      );
    expect((await get(mutation)).status).toBe(405);
    expect(await (await get('{ me { kind } }')).json()).toEqual({ data: { me: { kind: 'ANONYMOUS' } } });
  });

  it('may come from any page, but never with cookies', async () => {
    const { post } = start();
    const { headers } = await post({ query: '{ me { kind } }' }, { Origin: 'https://elsewhere.test' });
    expect(headers.get('Access-Control-Allow-Origin')).toBe('https://elsewhere.test');
    expect(headers.get('Access-Control-Allow-Credentials')).toBeNull();
  });
});

describe('an error', () => {
  it.each(['X-API-Key', 'Authorization'])('says when the credential in %s is wrong', async (name) => {
    const { post } = start();
    const response = await post(
      { query: '{ me { kind } }' },
      { [name]: name === 'Authorization' ? 'Bearer wrong' : 'wrong' },
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: 'The API key is not valid.',
          extensions: { code: 'UNAUTHENTICATED', hint: expect.stringContaining('X-API-Key') },
        },
      ],
    });
  });

  it.each([
    ['a query', '{ job(id: "0192a1b2-0000-7000-8000-00000000dead") { id } }'],
    ['a mutation', 'mutation { cancelJob(id: "0192a1b2-0000-7000-8000-00000000dead") { __typename } }'],
  ])('that nobody expected in %s shows a correlation id, and the log the cause', async (_what, query) => {
    const { operations } = createService();
    const fail = async () => {
      throw new Error('connect ECONNREFUSED /var/secret.sock');
    };
    const { ask, log } = createApi({ ...operations, findJob: fail, cancelJob: fail });
    const { errors } = await ask(query);
    const correlationId = errors?.[0]?.extensions.correlationId;
    expect(errors).toEqual([
      expect.objectContaining({
        message: 'Something went wrong on our side.',
        extensions: expect.objectContaining({
          code: 'INTERNAL',
          correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        }),
      }),
    ]);
    expect(log()).toContain(correlationId);
    expect(log()).toContain('ECONNREFUSED');
  });

  it('of a part that does not answer is expected, has a hint, and is logged with its cause', async () => {
    const { operations } = createService();
    const { ask, log } = createApi({
      ...operations,
      cancelJob: async () => {
        const cause = new Error('topology closed');
        throw new KilnError('UNAVAILABLE', 'The database does not answer.', {
          cause,
          hint: 'Try again.',
        });
      },
    });
    const { data } = await ask(
      'mutation { cancelJob(id: "0192a1b2-0000-7000-8000-00000000dead") { __typename ... on Error { code hint } } }',
    );
    expect(data.cancelJob).toEqual({
      __typename: 'UnavailableError',
      code: 'UNAVAILABLE',
      hint: 'Try again.',
    });
    expect(log()).toContain('topology closed');
  });

  it('in the document or its variables has a code as well', async () => {
    const { ask } = start();
    const codes = [
      await ask('{ me { '),
      await ask('{ nothing }'),
      await ask('query ($id: ID!) { job(id: $id) { id } }', {}),
      await ask('mutation { prepareUpload(input: { filename: "a", mime: "b", size: 1.5 }) { __typename } }'),
    ].map(({ errors }) => errors?.[0]?.extensions.code);
    expect(codes).toEqual(['INVALID_INPUT', 'INVALID_INPUT', 'INVALID_INPUT', 'INVALID_INPUT']);
  });
});
