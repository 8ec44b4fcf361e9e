import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import { createFindJobs } from '../../../src/operations/jobs/find-jobs.ts';
import type { JobRepository } from '../../../src/store/jobs.ts';
import { aJob, anAccountCaller } from '../../support/records.ts';

const OWNER = anAccountCaller();
const job = aJob();
const missing = { code: 'NOT_FOUND', message: 'There is no such job.' };

const asked: unknown[] = [];
const { findJob, jobOfSignedToken, wholeJob, listJobs } = createFindJobs({
  jobs: {
    get: async () => job,
    getAmongMany: async (id: string) => (id === job._id ? job : null),
    async list(query: unknown) {
      asked.push(query);
      return [];
    },
  } as unknown as JobRepository,
});

describe('a job', () => {
  it('is found by its owner, in any dialect or its own', async () => {
    expect(await findJob(OWNER, job._id)).toBe(job);
    expect(await findJob(OWNER, job._id, 'graphql')).toBe(job);
    await expect(findJob(OWNER, job._id, 'swapmyfile')).rejects.toMatchObject(missing);
  });

  it.each<[string, Caller]>([
    ['nobody', { kind: 'anonymous' }],
    ['a guest', { kind: 'guest', guestId: 'a' }],
    ['another account', anAccountCaller({ accountId: 'b' })],
  ])('is none to %s', async (_who, caller) => {
    await expect(findJob(caller, job._id)).rejects.toMatchObject(missing);
  });

  it('is read by keys that read or convert, and by no other', async () => {
    expect(await findJob(anAccountCaller({ scopes: ['convert'] }), job._id)).toBe(job);
    const manager = anAccountCaller({ scopes: ['manage'] });
    await expect(findJob(manager, job._id)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is shown to whoever has its signed token, in its dialect', async () => {
    expect(await jobOfSignedToken(job._id, 'graphql')).toBe(job);
    await expect(jobOfSignedToken(job._id, 'swapmyfile')).rejects.toMatchObject(missing);
  });

  it('has its events, read once where a list left them out', async () => {
    const { events, ...summary } = job;
    expect(await wholeJob(summary)).toBe(job);
    expect(await wholeJob({ ...summary, events: [] })).toEqual({ ...job, events: [] });
    await expect(wholeJob({ ...summary, _id: 'gone' })).rejects.toMatchObject(missing);
    expect(events).toHaveLength(1);
  });
});

describe('a list of jobs', () => {
  it('is of the caller alone', async () => {
    await listJobs(OWNER, { limit: 5, status: 'ready' });
    expect(asked).toEqual([{ limit: 5, status: 'ready', owner: 'account:a' }]);
  });

  it.each<[Caller, string]>([
    [{ kind: 'anonymous' }, 'UNAUTHENTICATED'],
    [anAccountCaller({ scopes: ['convert'] }), 'FORBIDDEN'],
  ])('is refused to %j', async (caller, code) => {
    await expect(listJobs(caller, { limit: 5 })).rejects.toMatchObject({ code });
  });
});
