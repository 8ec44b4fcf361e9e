import { describe, expect, it } from 'vitest';
import { JOB_STATUSES } from '../../../src/domain/jobs/job.ts';
import {
  isOverdue,
  isWorkedAt,
  queueLease,
  silenceLease,
  startLease,
  uploadLease,
  workLease,
} from '../../../src/domain/jobs/job-lease.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const fromNow = (date: Date) => date.getTime() - NOW;

describe('how long a job is left alone', () => {
  it('depends on what it waits for', () => {
    expect(fromNow(startLease(NOW))).toBe(10 * SECOND);
    expect(fromNow(workLease(NOW))).toBe(15 * SECOND);
    expect(fromNow(queueLease(NOW))).toBe(24 * 60 * MINUTE);
    expect(fromNow(uploadLease(new Date(NOW)))).toBe(MINUTE);
    expect(fromNow(uploadLease(NOW))).toBe(MINUTE);
  });

  it.each([
    [0, 15 * SECOND],
    [7 * SECOND, 15 * SECOND],
    [8 * SECOND, 16 * SECOND],
    [MINUTE, 2 * MINUTE],
    [5 * MINUTE, 10 * MINUTE],
    [60 * MINUTE, 10 * MINUTE],
  ])('after %d ms of silence is another %d ms', (silent, lease) => {
    expect(fromNow(silenceLease({ updatedAt: new Date(NOW - silent) }, NOW))).toBe(lease);
  });

  it('is over at its time, and never comes to an end without one', () => {
    expect(isOverdue({ repairAt: new Date(NOW + 1) }, NOW)).toBe(false);
    expect(isOverdue({ repairAt: new Date(NOW) }, NOW)).toBe(true);
    expect(isOverdue({}, NOW)).toBe(false);
  });
});

it('a job is worked at from the moment its file is there until its end', () => {
  expect(JOB_STATUSES.filter(isWorkedAt)).toEqual(['draft', 'importing', 'queued', 'processing']);
});
