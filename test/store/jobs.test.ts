import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import {
  EVENT_WINDOW,
  eventsAfter,
  isTerminal,
  JOB_STATUSES,
  legalSources,
} from '../../src/domain/jobs/job.ts';
import { createJobRepository, type JobRepository } from '../../src/store/jobs.ts';
import { openDatabase } from '../support/database.ts';
import { aJob } from '../support/records.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let jobs: JobRepository;
const published: string[] = [];

beforeAll(async () => {
  database = await openDatabase();
  jobs = createJobRepository(database.collections, { publish: ({ _id }) => published.push(_id) });
});
afterAll(() => database.drop());

async function inserted(different: Parameters<typeof aJob>[0] = {}): Promise<string> {
  const job = aJob(different);
  await jobs.insertIfAbsent(job);
  return job._id;
}

describe('a job', () => {
  it('is read back as it was written', async () => {
    const job = aJob();
    await jobs.insertIfAbsent(job);
    expect(await jobs.get(job._id)).toEqual(job);
  });

  it('that is not there is NOT_FOUND', async () => {
    await expect(jobs.get(newId())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(jobs.transition(newId(), { to: 'queued', cause: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('a move', () => {
  const pairs = JOB_STATUSES.flatMap((from) => JOB_STATUSES.map((to) => [from, to] as const));

  it.each(pairs)('%s → %s is made or refused by the table, whole or not at all', async (from, to) => {
    const id = await inserted({ status: from });
    const before = await jobs.get(id);
    const moving = jobs.transition(id, { to, cause: 'test', patch: { warnings: ['patched'] } });
    if (legalSources(to).includes(from)) {
      const job = await moving;
      expect(job).toMatchObject({ status: to, seq: 2, warnings: ['patched'] });
      expect(job.events.at(-1)).toMatchObject({ type: 'status', status: to, cause: 'test' });
      expect(job.finishedAt !== null).toBe(isTerminal(to));
    } else {
      await expect(moving).rejects.toMatchObject({ code: 'WRONG_STATE' });
      expect(await jobs.get(id)).toEqual(before);
    }
  });

  it('with the same cause twice is one event, and the repeat counts as done', async () => {
    const id = await inserted();
    const first = await jobs.transition(id, { to: 'queued', cause: 'upload-completed' });
    const second = await jobs.transition(id, { to: 'queued', cause: 'upload-completed' });
    expect(second).toEqual(first);
    await jobs.transition(id, { to: 'processing', cause: 'processing' });
    const late = await jobs.transition(id, { to: 'queued', cause: 'upload-completed' });
    expect(late).toMatchObject({ status: 'processing', seq: 3 });
  });

  it('made a hundred times at once is one event', async () => {
    const id = await inserted();
    const moves = Array.from({ length: 100 }, () => jobs.transition(id, { to: 'queued', cause: 'same' }));
    const settled = await Promise.all(moves);
    expect(new Set(settled.map(({ status, seq }) => `${status} ${seq}`))).toEqual(new Set(['queued 2']));
    expect((await jobs.get(id)).events.map(({ cause }) => cause)).toEqual(['submitted', 'same']);
  });

  it('to different ends at once has one winner', async () => {
    const id = await inserted({ status: 'processing' });
    const ends = ['ready', 'failed', 'cancelled'] as const;
    const settled = await Promise.allSettled(
      ends.map((to) => jobs.transition(id, { to, cause: `to-${to}` })),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await jobs.get(id)).toMatchObject({ seq: 2 });
  });

  it('tells the watchers once', async () => {
    const id = await inserted();
    published.length = 0;
    await jobs.transition(id, { to: 'queued', cause: 'a' });
    await jobs.transition(id, { to: 'queued', cause: 'a' });
    await jobs.transition(id, { to: 'ready', cause: 'b' }).catch(() => {});
    expect(published).toEqual([id]);
  });
});

describe('an event that moves nothing', () => {
  it('is appended in the state that the job is in, once for each cause', async () => {
    const id = await inserted({ status: 'ready' });
    const delivered = { type: 'callback', cause: 'callback:1', message: 'delivered' } as const;
    await jobs.append(id, delivered);
    const job = await jobs.append(id, delivered);
    expect(job).toMatchObject({ status: 'ready', seq: 2 });
    expect(job.events.at(-1)).toMatchObject({ ...delivered, status: 'ready' });
  });

  it('is not lost when the job moves at the same moment', async () => {
    const id = await inserted();
    await Promise.all([
      jobs
        .transition(id, { to: 'queued', cause: 'a' })
        .then(() => jobs.transition(id, { to: 'processing', cause: 'b' })),
      ...Array.from({ length: 20 }, (_, i) =>
        jobs.append(id, { type: 'warning', cause: `warning:${i}`, message: null }),
      ),
    ]);
    const { events, seq } = await jobs.get(id);
    expect(seq).toBe(23);
    expect(new Set(events.map(({ cause }) => cause)).size).toBe(23);
  });
});

describe('the window of events', () => {
  it('keeps the last 500, numbered on, and says when a reader has missed some', async () => {
    const id = await inserted();
    const { events } = await jobs.get(id);
    const full = Array.from({ length: EVENT_WINDOW }, (_, i) => ({ ...events[0], cause: `old:${i}` }));
    await database.collections.jobs.updateOne(
      { _id: id },
      { $set: { seq: EVENT_WINDOW, events: full as typeof events } },
    );
    for (let i = 0; i < 3; i += 1)
      await jobs.append(id, { type: 'warning', cause: `new:${i}`, message: null });
    const job = await jobs.get(id);
    expect(job.events).toHaveLength(EVENT_WINDOW);
    expect(eventsAfter(job, EVENT_WINDOW)).toMatchObject({
      truncated: false,
      events: [0, 1, 2].map((i) => ({ seq: EVENT_WINDOW + 1 + i, cause: `new:${i}` })),
    });
    expect(eventsAfter(job, 3).truncated).toBe(false);
    expect(eventsAfter(job, 2)).toMatchObject({ truncated: true });
  });
});

describe('progress', () => {
  it('moves only while the job is processing, and is no event', async () => {
    const id = await inserted({ status: 'processing' });
    await jobs.setProgress(id, { percent: 40, stage: 'converting' });
    expect(await jobs.get(id)).toMatchObject({ progress: { percent: 40 }, seq: 1 });
    const patch = { progress: { percent: 100, stage: 'ready' } };
    await jobs.transition(id, { to: 'ready', cause: 'ended', patch });
    await jobs.setProgress(id, { percent: 41, stage: 'converting' });
    expect(await jobs.get(id)).toMatchObject({ progress: { percent: 100 } });
  });
});

describe('lists', () => {
  it('show the newest first, page by page, to their owner only', async () => {
    const owner = `account:${newId()}`;
    const ids: string[] = [];
    for (const status of ['ready', 'failed', 'ready', 'queued', 'ready'] as const)
      ids.push(await inserted({ owner, status, dialect: status === 'failed' ? 'swapmyfile' : 'graphql' }));
    await inserted({ owner: 'account:somebody-else' });
    const list = async (page: Omit<Parameters<JobRepository['list']>[0], 'owner' | 'limit'>, limit = 10) =>
      (await jobs.list({ owner, limit, ...page })).map(({ _id }) => ids.indexOf(_id));
    const at = (i: number) => ids[i] ?? '';
    expect(await list({})).toEqual([4, 3, 2, 1, 0]);
    expect(await list({}, 2)).toEqual([4, 3]);
    expect(await list({ before: at(3) }, 2)).toEqual([2, 1]);
    expect(await list({ after: at(1) }, 2)).toEqual([2, 3]);
    expect(await list({ after: at(0), before: at(4) })).toEqual([3, 2, 1]);
    expect(await list({ status: 'ready' })).toEqual([4, 2, 0]);
    expect(await list({ dialect: 'swapmyfile' })).toEqual([1]);
  });
});
