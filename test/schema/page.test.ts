import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import { createApi } from './client.ts';
import { BOB, createService } from './service.ts';

const JOBS = 7;

/** Pages through the jobs of one account, which are named by their place: the newest is 7. */
async function start() {
  const service = createService();
  const { ask } = createApi(service.operations);
  const place = new Map<string, number>();
  for (let number = 1; number <= JOBS; number++) {
    const { data } = await ask(
      `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on CreateJobSuccess { job { jobId } } } }`,
      { input: { upload: { filename: 'a.png', mime: 'image/png', size: 1 }, target: 'webp' } },
    );
    place.set(data.createJob.job.jobId, number);
  }

  async function page(args: Record<string, unknown>, headers?: Record<string, string>) {
    const { data, errors } = await ask(
      `query ($first: Int, $last: Int, $after: String, $before: String, $status: JobStatus) {
        jobs(first: $first, last: $last, after: $after, before: $before, status: $status) {
          edges { cursor node { jobId } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }`,
      args,
      headers,
    );
    const edges: { cursor: string; node: { jobId: string } }[] = data?.jobs.edges ?? [];
    return {
      error: errors?.[0]?.extensions,
      places: edges.map(({ node }) => place.get(node.jobId)),
      ...(data?.jobs.pageInfo as {
        hasNextPage: boolean;
        hasPreviousPage: boolean;
        startCursor: string;
        endCursor: string;
      }),
    };
  }
  return { page, ask, service, ids: [...place.keys()] };
}

describe('a connection', () => {
  let page: Awaited<ReturnType<typeof start>>['page'];
  beforeAll(async () => {
    ({ page } = await start());
  });

  it('shows the newest first and everything when it fits', async () => {
    expect(await page({})).toMatchObject({
      places: [7, 6, 5, 4, 3, 2, 1],
      hasNextPage: false,
      hasPreviousPage: false,
    });
  });

  it('goes forward to the end', async () => {
    const first = await page({ first: 3 });
    expect(first).toMatchObject({ places: [7, 6, 5], hasNextPage: true, hasPreviousPage: false });
    const second = await page({ first: 3, after: first.endCursor });
    expect(second).toMatchObject({ places: [4, 3, 2], hasNextPage: true, hasPreviousPage: true });
    const third = await page({ first: 3, after: second.endCursor });
    expect(third).toMatchObject({ places: [1], hasNextPage: false, hasPreviousPage: true });
    const beyond = await page({ first: 3, after: third.endCursor });
    expect(beyond).toMatchObject({ places: [], startCursor: null, endCursor: null, hasNextPage: false });
  });

  it('goes backward to the front', async () => {
    const last = await page({ last: 3 });
    expect(last).toMatchObject({ places: [3, 2, 1], hasNextPage: false, hasPreviousPage: true });
    const middle = await page({ last: 3, before: last.startCursor });
    expect(middle).toMatchObject({ places: [6, 5, 4], hasNextPage: true, hasPreviousPage: true });
    const front = await page({ last: 3, before: middle.startCursor });
    expect(front).toMatchObject({ places: [7], hasNextPage: true, hasPreviousPage: false });
  });

  it('ends exactly at a full page', async () => {
    expect(await page({ first: JOBS })).toMatchObject({ hasNextPage: false });
    expect(await page({ last: JOBS })).toMatchObject({ hasPreviousPage: false });
    expect(await page({ first: 0 })).toMatchObject({ places: [], hasNextPage: true });
  });

  it('stays between two cursors', async () => {
    const { startCursor: seven, endCursor: two } = await page({ first: 6 });
    expect(await page({ first: 2, after: seven, before: two })).toMatchObject({
      places: [6, 5],
      hasNextPage: true,
      hasPreviousPage: true,
    });
  });

  it.each([
    [{ first: 101 }, 'first'],
    [{ first: -1 }, 'first'],
    [{ last: -1 }, 'last'],
    [{ last: 101 }, 'last'],
    [{ first: 1, last: 1 }, 'last'],
    [{ first: 1, after: 'nonsense' }, 'after'],
    [{ last: 1, before: 'nonsense' }, 'before'],
  ])('refuses %j', async (args, field) => {
    expect((await page(args)).error).toMatchObject({ code: 'INVALID_INPUT', field });
  });

  it('refuses to go up behind a cursor', async () => {
    const { endCursor } = await page({ first: 1 });
    expect((await page({ last: 1, after: endCursor })).error).toMatchObject({ field: 'last' });
  });

  it('shows nobody the jobs of others, and the anonymous nothing', async () => {
    expect(await page({}, { 'X-API-Key': BOB })).toMatchObject({ places: [] });
    expect((await page({}, {})).error).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

it('filters by status', async () => {
  const { page, service, ids } = await start();
  for (const id of ids.slice(0, 2)) service.move(id, 'cancelled');
  expect((await page({ status: 'CANCELLED' })).places).toEqual([2, 1]);
});

it('pages through files in the same way', async () => {
  const { ask, service } = await start();
  const names = ['a.png', 'b.png', 'c.png'];
  for (const filename of names) {
    const { data } = await ask(
      `mutation ($input: UploadInput!) { prepareUpload(input: $input) { ... on PrepareUploadSuccess { upload { fileId } } } }`,
      { input: { filename, mime: 'image/png', size: 1 } },
    );
    const { fileId } = data.prepareUpload.upload;
    service.receive(fileId);
    await ask('mutation ($id: ID!) { completeUpload(id: $id) { __typename } }', { id: fileId });
  }
  const { data } = await ask(
    '{ files(first: 2) { edges { node { filename downloadUrl } } pageInfo { hasNextPage } } }',
  );
  expect(data.files.edges.map((edge: { node: { filename: string } }) => edge.node.filename)).toEqual([
    'c.png',
    'b.png',
  ]);
  expect(data.files.edges[0].node.downloadUrl).toMatch(/^https:\/\/kiln\.test\/downloads\/signed\//);
  expect(data.files.pageInfo.hasNextPage).toBe(true);
  expect(
    (await ask('query ($id: ID!) { file(id: $id) { id } }', { id: newId() })).errors?.[0]?.extensions.code,
  ).toBe('NOT_FOUND');
});
