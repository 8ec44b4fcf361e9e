import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { emptyAdmission } from '../../../src/domain/jobs/admission.ts';
import type { Job } from '../../../src/domain/jobs/job.ts';
import { type AdmissionsPorts, createAdmissions } from '../../../src/operations/jobs/admissions.ts';
import { aJob } from '../../support/records.ts';

type Repository = AdmissionsPorts['admissions'];

const EMPTY = emptyAdmission('account:a', 0, new Date());
const queued = (_id: string, different: Partial<Job> = {}) => aJob({ _id, status: 'queued', ...different });

/** Admissions over a repository that answers as said; what it was asked and who was told, in order. */
function admitting(answers: Partial<Repository>, jobs: readonly Job[] = [], different: object = {}) {
  const seen: string[] = [];
  const said: unknown[] = [];
  const asked = (name: string, ...rest: unknown[]) => void seen.push([name, ...rest].join(' '));
  const admissions = createAdmissions({
    admissions: {
      open: async (key, ids, most) => {
        asked('open', key, ids, most);
        return true;
      },
      leave: async (key, ids, limit) => {
        asked('leave', key, ids, limit);
        return [];
      },
      positionOf: async () => 7,
      ...answers,
    } as Repository,
    jobs: { getMany: async (ids) => jobs.filter(({ _id }) => ids.includes(_id)) },
    runner: {
      // Later than whoever does not wait for it.
      async admitJob({ jobId }) {
        await setImmediate();
        asked('told', jobId);
      },
    },
    concurrencyOf: async () => {
      asked('plan');
      return 5;
    },
    openUploads: { account: 100, guest: 10 },
    log: { warn: (what: unknown) => void said.push(what) },
    ...different,
  } as AdmissionsPorts);
  return { admissions, seen, said };
}

describe('uploads that are awaited', () => {
  it.each([
    ['account:a', 100],
    ['guest:203.0.113.5', 10],
  ])('are counted for %s: at most %d', async (key, most) => {
    const { admissions, seen } = admitting({});
    await admissions.openUploads(key, ['one', 'two']);
    expect(seen).toEqual([`open ${key} one,two ${most}`]);
  });

  it.each([
    ['account:a', 100],
    ['guest:203.0.113.5', 10],
  ])('are refused to %s beyond %d', async (key, most) => {
    const { admissions } = admitting({ open: async () => false });
    await expect(admissions.openUploads(key, ['one'])).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: `At most ${most} uploads may be open at a time.`,
    });
  });
});

describe('a job that asks for a place', () => {
  it.each([
    ['gets it', { position: null, admitted: ['me'] }, null],
    ['learns where it stands', { position: 3, admitted: [] }, 3],
    ['is next while somebody else lets it in', { position: null, admitted: [] }, 1],
  ])('%s', async (_what, entered, expected) => {
    const { admissions, seen } = admitting({ enter: async () => ({ admission: EMPTY, ...entered }) });
    expect(await admissions.admit(queued('me'))).toBe(expected);
    expect(seen).toEqual(['plan']);
  });

  it.each([
    [{}, 'account:a', false],
    [{ batchId: 'b', lane: 'guest:203.0.113.5' }, 'guest:203.0.113.5', true],
  ])('says who it is: %j', async (different, concurrencyKey, batch) => {
    const entrants: unknown[] = [];
    const { admissions } = admitting({
      async enter(entrant) {
        entrants.push(entrant);
        return { admission: EMPTY, admitted: ['me'], position: null };
      },
    });
    await admissions.admit(queued('me', different));
    expect(entrants).toEqual([{ concurrencyKey, jobId: 'me', batch, limit: 5 }]);
  });

  it('has those told that it has let in, before it hears', async () => {
    const answer = { admission: EMPTY, admitted: ['other', 'me'], position: null };
    const { admissions, seen } = admitting({ enter: async () => answer }, [queued('other'), queued('me')]);
    expect(await admissions.admit(queued('me'))).toBeNull();
    expect(seen).toEqual(['plan', 'told other']);
  });
});

describe('jobs of a batch that ask for places', () => {
  it('learn which of them may begin; others that got in are told before', async () => {
    const admission = { ...EMPTY, active: ['one', 'other'] };
    const { admissions, seen } = admitting(
      {
        async enterMany(entrants) {
          expect(entrants).toEqual({ concurrencyKey: 'account:a', jobIds: ['one', 'two'], limit: 5 });
          return { admission, admitted: ['one', 'other'] };
        },
      },
      [queued('one'), queued('other')],
    );
    const active = await admissions.admitBatch([queued('one'), queued('two')]);
    expect([...active]).toEqual(['one', 'other']);
    expect(seen).toEqual(['plan', 'told other']);
  });

  it('are none: nobody is asked', async () => {
    const { admissions, seen } = admitting({});
    expect((await admissions.admitBatch([])).size).toBe(0);
    expect(seen).toEqual([]);
  });
});

describe('a place that is free', () => {
  it('goes to the next, and on from whoever has ended meanwhile or is gone', async () => {
    const turns = [['done', 'gone', 'next'], ['last'], []];
    const { admissions, seen } = admitting(
      {
        async leave(key, ids, limit) {
          seen.push(`leave ${key} ${ids} ${limit}`);
          return turns.shift() ?? [];
        },
      },
      [queued('next'), queued('last'), queued('done', { status: 'cancelled' })],
    );
    await admissions.leave(queued('me'));
    expect(seen).toEqual([
      'plan',
      'leave account:a me 5',
      'told next',
      'leave account:a done,gone 5',
      'told last',
    ]);
  });

  it('is filled when it was left empty', async () => {
    const { admissions, seen } = admitting({ fill: async () => ['next'] }, [queued('next')]);
    await admissions.fill(EMPTY);
    expect(seen).toEqual(['plan', 'told next']);
  });

  it('is not lost when its job cannot be told, which is said', async () => {
    const { admissions, said } = admitting({ fill: async () => ['next'] }, [queued('next')], {
      runner: { admitJob: () => Promise.reject(new Error('away')) },
    });
    await admissions.fill(EMPTY);
    expect(said).toEqual([{ jobId: 'next', error: 'Error: away' }]);
  });
});

it.each([
  ['queued', 7],
  ['processing', null],
  ['ready', null],
] as const)('a job that is %s stands at %s', async (status, position) => {
  const { admissions } = admitting({});
  expect(await admissions.positionOf(aJob({ status }))).toBe(position);
});
