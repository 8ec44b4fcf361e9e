import { describe, expect, it } from 'vitest';
import {
  archiveFilename,
  type Batch,
  countsOf,
  finalStatus,
  isBeingSubmitted,
  isOver,
  knownCounts,
  newBatch,
  type Outcome,
  recount,
  requireBatchSize,
  requireLabel,
} from '../../../src/domain/batches/batch.ts';
import { archiveNames } from '../../../src/domain/files/archive-names.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import { aJob } from '../../support/records.ts';

const JOBS = ['a', 'b', 'c', 'd'];
const NOW = new Date();

function aBatch(outcomes: Record<string, Outcome> = {}): Batch {
  const batch = newBatch({
    _id: 'batch',
    owner: 'account:a',
    dialect: 'graphql',
    label: null,
    jobIds: JOBS,
    retryOf: null,
    wantsArchive: false,
  });
  return { ...batch, outcomes };
}

const endedAs = (...outcomes: Outcome[]) =>
  finalStatus(countsOf(aBatch(Object.fromEntries(outcomes.map((outcome, i) => [JOBS[i], outcome])))));

describe('the end of a batch', () => {
  for (const [outcomes, status] of [
    [['ready', 'ready', 'ready', 'ready'], 'ready'],
    [['ready', 'failed', 'ready', 'ready'], 'partial'],
    [['cancelled', 'ready', 'expired', 'failed'], 'partial'],
    [['failed', 'failed', 'failed', 'failed'], 'failed'],
    [['cancelled', 'cancelled', 'failed', 'expired'], 'failed'],
    [['cancelled', 'cancelled', 'cancelled', 'cancelled'], 'cancelled'],
  ] as const) {
    it(`${outcomes.join(', ')}: ${status}`, () => expect(endedAs(...outcomes)).toBe(status));
  }
});

describe('counting', () => {
  const look = (batch: Batch, statuses: [string, JobStatus][], missing = false) =>
    recount(batch, new Map(statuses), { at: NOW, missing });

  it('counts what has ended, and nothing twice', () => {
    const counted = look(aBatch({ a: 'ready' }), [
      ['a', 'ready'],
      ['b', 'failed'],
      ['c', 'processing'],
    ]);
    expect(counted?.outcomes).toEqual({ a: 'ready', b: 'failed' });
    expect(counted?.events).toMatchObject([{ type: 'job', jobId: 'b', outcome: 'failed', cause: 'job:b' }]);
    expect(look(aBatch({ a: 'ready' }), [['a', 'ready']])).toBeNull();
  });

  it('takes a job for lost only when all were looked for', () => {
    expect(look(aBatch(), [['a', 'ready']])?.outcomes).toEqual({ a: 'ready' });
    const all = look(aBatch(), [['a', 'ready']], true);
    expect(all?.outcomes).toEqual({ a: 'ready', b: 'failed', c: 'failed', d: 'failed' });
    expect(all?.events.at(-1)?.message).toContain('lost');
  });

  it('knows what is left', () => {
    expect(countsOf(aBatch({ a: 'ready', b: 'expired' }))).toEqual({
      total: 4,
      pending: 2,
      ready: 1,
      failed: 0,
      cancelled: 0,
      expired: 1,
    });
  });
});

describe('a batch whose lists are not read', () => {
  const tally = { ...aBatch(), total: 4, ended: 3, ends: { ready: 2, failed: 1 } };

  it('is counted by its ends, unless they are short of what has ended', () => {
    expect(knownCounts(tally)).toEqual({
      total: 4,
      pending: 1,
      ready: 2,
      failed: 1,
      cancelled: 0,
      expired: 0,
    });
    expect(knownCounts({ ...tally, ends: { ready: 2 } })).toBeNull();
    const { ends: _ends, ...earlier } = tally;
    expect(knownCounts(earlier)).toBeNull();
    expect(knownCounts({ ...earlier, ended: 0 })?.pending).toBe(4);
  });

  it('is over once it no longer processes', () => {
    expect(isOver({ status: 'processing' })).toBe(false);
    for (const status of ['ready', 'partial', 'failed', 'cancelled'] as const)
      expect(isOver({ status })).toBe(true);
  });

  it('is being submitted until two minutes of silence', () => {
    const now = NOW.getTime();
    const submitted = { submitting: true, updatedAt: NOW } as const;
    expect(isBeingSubmitted(submitted, now + 119_999)).toBe(true);
    expect(isBeingSubmitted(submitted, now + 120_000)).toBe(false);
    expect(isBeingSubmitted({ updatedAt: NOW }, now)).toBe(false);
  });
});

describe('a new batch', () => {
  it('has counted nothing, and an archive to be made only if one is wanted', () => {
    expect(aBatch()).toMatchObject({
      status: 'processing',
      total: 4,
      ended: 0,
      archive: null,
      submitting: true,
    });
    const wanted = newBatch({
      _id: 'b',
      owner: 'account:a',
      dialect: 'graphql',
      label: 'a/b',
      jobIds: JOBS,
      retryOf: null,
      wantsArchive: true,
    });
    expect(wanted.archive).toMatchObject({ fileId: null, filename: 'a_b.zip', error: null });
    expect(archiveFilename(null)).toBe('results.zip');
  });
});

describe('a request for a batch', () => {
  it('has a label of 80 characters at most, however many bytes they take', () => {
    expect(requireLabel('😀'.repeat(80))).toHaveLength(160);
    for (const none of ['', null, undefined]) expect(requireLabel(none)).toBeNull();
    expect(() => requireLabel('x'.repeat(81))).toThrow(/80 characters/);
  });

  it('has 1 to 1,000 jobs', () => {
    requireBatchSize(1);
    requireBatchSize(1000);
    for (const jobs of [0, 1001]) expect(() => requireBatchSize(jobs)).toThrow(/1 to 1000 jobs/);
  });
});

describe('names in an archive', () => {
  const named = (...filenames: string[]) =>
    archiveNames(
      filenames.map((filename) => {
        const job = aJob();
        return { ...job, inputs: job.inputs.map((input) => ({ ...input, filename })) };
      }),
    );

  it('are never alike, not even where case or composition does not count', () => {
    expect(named('a.png', 'a.jpg', 'A.gif', 'a (2).png')).toEqual([
      'a.webp',
      'a (2).webp',
      'A (3).webp',
      'a (2) (2).webp',
    ]);
    expect(named('\u00e9.png', 'e\u0301.png')).toEqual(['\u00e9.webp', '\u00e9 (2).webp']);
  });

  it('stay in the folder that they are unpacked into', () => {
    for (const name of named(
      '../../x.png',
      '/etc/passwd.png',
      'C:\\x.png',
      '..png',
      '\u202egnp.png',
      'con.png',
    )) {
      expect(name).not.toMatch(/[/\\:\u202e]|^\.|^con\./);
      expect(name).toMatch(/\.webp$/);
    }
  });
});
