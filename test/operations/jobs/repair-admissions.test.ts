import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openUploadId } from '../../../src/domain/files/file.ts';
import { type Admission, emptyAdmission } from '../../../src/domain/jobs/admission.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import {
  createRepairAdmissions,
  type RepairAdmissionsPorts,
} from '../../../src/operations/jobs/repair-admissions.ts';
import { aJob, anUpload } from '../../support/records.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const HOUR = 3_600_000;

function anAdmission(_id: string, different: Partial<Admission> = {}): Admission {
  return { ...emptyAdmission(_id, 0, new Date(NOW)), ...different };
}

/** Jobs by their state, and what a round does about these admissions, in order. */
function repairing(
  pages: Admission[][],
  statuses: Record<string, JobStatus>,
  { touchedAt = NOW - 10_001, uploads = [anUpload()].slice(1), different = {} } = {},
) {
  const done: string[] = [];
  const said: unknown[] = [];
  const note = (...words: unknown[]) => void done.push(words.join(' '));
  const repair = createRepairAdmissions({
    checks: {
      listDue: async () => pages.shift() ?? [],
      postpone: async (ids, until) => note('postpone', ids, until.getTime() - NOW),
      noteIdle: async ({ _id }, until) => note('idle', _id, until.getTime() - NOW),
      forget: async ({ _id }) => note('forget', _id),
    },
    jobs: {
      statusesOf: async (ids) => new Map(Object.entries(statuses).filter(([id]) => ids.includes(id))),
      getMany: async (ids) => ids.map((_id) => aJob({ _id, updatedAt: new Date(touchedAt) })),
    },
    uploads: {
      findMany: async (ids) =>
        new Map(uploads.filter(({ _id }) => ids.includes(_id)).map((upload) => [upload._id, upload])),
    },
    admissions: {
      release: async (key, ids) => note('release', key, ids),
      fill: async ({ _id }) => note('fill', _id),
      notifyAdmitted: async (jobs) => {
        await setImmediate();
        if (jobs.length > 0)
          note(
            'tell',
            jobs.map(({ _id }) => _id),
          );
      },
    },
    log: { warn: (what: unknown) => void said.push(what) },
    ...different,
  } as RepairAdmissionsPorts);
  return { round: () => repair(NOW), done, said };
}

describe('a round over the admissions', () => {
  it('frees what ended jobs hold, and jobs that are not there', async () => {
    const held = anAdmission('account:a', { active: ['runs', 'ready', 'gone'], open: ['failed', 'awaited'] });
    const { round, done } = repairing([[held]], {
      runs: 'processing',
      ready: 'ready',
      failed: 'failed',
      awaited: 'awaiting_upload',
    });
    await round();
    expect(done).toEqual(['postpone account:a 10000', 'release account:a ready,gone,failed']);
  });

  it('lets in who waits, where nobody holds a place in vain', async () => {
    const line = { head: 1, waiting: 1 };
    const { round, done } = repairing(
      [
        [
          anAdmission('account:a', { active: ['runs'], batch: line }),
          anAdmission('account:b', { active: ['too'] }),
        ],
      ],
      { runs: 'processing', too: 'processing' },
    );
    await round();
    expect(done).toEqual(['postpone account:a,account:b 10000', 'fill account:a']);
  });

  it.each([
    ['account:a', {}, 'idle account:a 86400000'],
    ['account:a', { seq: 4, idleSeq: 3 }, 'idle account:a 86400000'],
    ['account:a', { seq: 4, idleSeq: 4 }, 'forget account:a'],
    ['guest:203.0.113.5', {}, 'forget guest:203.0.113.5'],
  ])('keeps or forgets one in which nothing happens: %s %j', async (key, different, call) => {
    const { round, done } = repairing([[anAdmission(key, different)]], {});
    await round();
    expect(done).toEqual([`postpone ${key} 10000`, call]);
  });

  it.each([
    [NOW - 10_001, ['tell waits']],
    [NOW - 10_000, []],
  ])('tells a job again that may begin and has been silent since %d', async (touchedAt, told) => {
    const { round, done } = repairing(
      [[anAdmission('account:a', { active: ['runs', 'waits'] })]],
      { runs: 'processing', waits: 'queued' },
      { touchedAt },
    );
    await round();
    expect(done.slice(1)).toEqual(told);
  });

  it.each([
    ['open', HOUR, []],
    ['received', HOUR, []],
    ['open', 0, ['release']],
    ['finalized', HOUR, ['release']],
  ] as const)(
    'counts an upload without a job while it is awaited: %s, %d ms left',
    async (state, left, calls) => {
      const upload = anUpload({ state, expiresAt: new Date(NOW + left) });
      const id = openUploadId(upload);
      const { round, done } = repairing(
        [[anAdmission('account:a', { open: [id] })]],
        {},
        { uploads: [upload] },
      );
      await round();
      expect(done.slice(1)).toEqual(calls.map((call) => `${call} account:a ${id}`));
    },
  );

  it('looks at the oldest hundred uploads only', async () => {
    const open = Array.from({ length: 101 }, (_, i) => `job ${i}`);
    const { round, done } = repairing([[anAdmission('account:a', { open })]], {});
    await round();
    expect(done[1]).toBe(`release account:a ${open.slice(0, 100)}`);
  });

  it('goes on with the others when one cannot be repaired, and says so', async () => {
    const line = { head: 1, waiting: 1 };
    const filled: string[] = [];
    const { round, said } = repairing(
      [['account:a', 'account:b'].map((key) => anAdmission(key, { single: line }))],
      {},
      {
        different: {
          admissions: {
            async fill({ _id }: Admission) {
              filled.push(_id);
              if (_id === 'account:a') throw new Error('away');
            },
          },
        },
      },
    );
    await round();
    expect(filled).toEqual(['account:a', 'account:b']);
    expect(said).toEqual([{ concurrencyKey: 'account:a', error: 'Error: away' }]);
  });

  it('goes on after a full page, and leaves what is beyond 25 of them to the next round', async () => {
    const page = () => Array.from({ length: 200 }, (_, i) => anAdmission(`guest:${i}`));
    const short = repairing([page(), page().slice(1), page()], {});
    await short.round();
    expect(short.done.filter((call) => call.startsWith('postpone'))).toHaveLength(2);
    const long = repairing(Array.from({ length: 27 }, page), {});
    await long.round();
    expect(long.done.filter((call) => call.startsWith('postpone'))).toHaveLength(25);
  });
});
