import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, KilnError } from '../../../src/domain/errors.ts';
import { createLog } from '../../../src/log.ts';
import { createConfirmStarts } from '../../../src/operations/jobs/confirm-starts.ts';
import { jobStart } from '../../../src/operations/jobs/job-start.ts';
import { createRepairJobs } from '../../../src/operations/jobs/repair-jobs.ts';
import type { WorkflowRunner } from '../../../src/operations/workflow-runner.ts';
import { createJobLeases, type JobLeases } from '../../../src/store/job-leases.ts';
import { createJobRepository, type JobRepository } from '../../../src/store/jobs.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { empty, openDatabase } from '../../support/database.ts';
import { aJob, anUpload } from '../../support/records.ts';
import { timeLimit } from '../../support/time-limit.ts';

const LONG_AGO = new Date(Date.now() - 60_000);
const log = createLog('silent');

let database: Awaited<ReturnType<typeof openDatabase>>;
let jobs: JobRepository;
let leases: JobLeases;
/** The signals and starts that Temporal was sent. */
let signals: string[];
/** Jobs that cannot be signalled, and why. */
const broken = new Map<string, ErrorCode>();
/** Jobs that wait for their turn. */
const inLine = new Set<string>();

beforeAll(async () => {
  database = await openDatabase();
  jobs = createJobRepository(database.collections, { publish: () => {} });
  leases = createJobLeases(database.collections);
});
beforeEach(async () => {
  signals = [];
  broken.clear();
  inLine.clear();
  await empty(database.collections.jobs);
});
afterAll(() => database.drop());

function repairing(different: Partial<JobLeases> = {}) {
  const tell = (what: string) => async (start: { jobId: string }) => {
    const code = broken.get(start.jobId);
    if (code) throw new KilnError(code, 'Not now.');
    signals.push(`${what} ${start.jobId}`);
  };
  return createRepairJobs({
    leases: { ...leases, ...different },
    uploads: createUploadRepository(database.collections),
    runner: {
      startJob: tell('start'),
      uploadCompleted: tell('uploaded'),
      wakeJob: (jobId) => tell('wake')({ jobId }),
    },
    admissions: { positionOf: async ({ _id }) => (inLine.has(_id) ? 1 : null) },
    log,
  });
}

async function overdue(
  different: Parameters<typeof aJob>[0] = {},
  state?: 'open' | 'finalized' | 'rejected',
) {
  const job = aJob({ updatedAt: LONG_AGO, repairAt: LONG_AGO, ...different });
  await database.collections.jobs.insertOne(job);
  const fileId = job.inputs[0]?.fileId ?? '';
  if (state) await database.collections.uploads.insertOne(anUpload({ _id: fileId, jobId: job._id, state }));
  return job._id;
}

describe('a repair round', () => {
  it('starts what was never started and tells of uploads whatever the job’s state', async () => {
    const waiting = await overdue({}, 'open');
    const uploaded = await overdue({}, 'finalized');
    const rejected = await overdue({}, 'rejected');
    const queued = await overdue({ status: 'queued' });
    const processing = await overdue({ status: 'processing' });
    await overdue({ status: 'queued', repairAt: new Date(Date.now() + 5000) });
    expect(await repairing()()).toBe(5);
    expect(signals.toSorted()).toEqual(
      [
        `start ${waiting}`,
        `uploaded ${uploaded}`,
        `uploaded ${rejected}`,
        `uploaded ${queued}`,
        `uploaded ${processing}`,
      ].toSorted(),
    );
    // All of them were signalled: they have time now.
    expect(await repairing()()).toBe(0);
  });

  it('goes on when one job cannot be repaired, and comes back to it', async () => {
    const bad = await overdue({ status: 'queued' });
    broken.set(bad, 'INTERNAL');
    const other = await overdue({ status: 'queued' });
    await repairing()();
    expect(signals).toEqual([`uploaded ${other}`]);
    broken.clear();
    await repairing()();
    expect(signals).toEqual([`uploaded ${other}`, `uploaded ${bad}`]);
  });

  it('does not start a job that ended since it was found', async () => {
    const jobId = await overdue({ status: 'processing' });
    const listOverdue = async (now: Date, limit: number) => {
      const page = await leases.listOverdue(now, limit);
      await jobs.transition(jobId, { to: 'failed', cause: 'ended' });
      return page;
    };
    await repairing({ listOverdue })();
    expect(signals).toEqual([]);
    expect(await jobs.get(jobId)).not.toHaveProperty('repairAt');
  });

  it('wakes the workflow of a cancelled job once, and never starts one', async () => {
    const jobId = await overdue({ status: 'queued' });
    await jobs.transition(jobId, { to: 'cancelled', cause: 'ended' });
    const { repairAt } = await jobs.get(jobId);
    await leases.renew(jobId, repairAt as Date, LONG_AGO);
    expect(await repairing()()).toBe(1);
    expect(signals).toEqual([`wake ${jobId}`]);
    expect(await jobs.get(jobId)).not.toHaveProperty('repairAt');
  });

  it('of several processes tells a job once', async () => {
    const jobId = await overdue({ status: 'queued' });
    await Promise.all([repairing()(), repairing()(), repairing()()]);
    expect(signals).toEqual([`uploaded ${jobId}`]);
  });

  it('lets those rest that wait for their turn', async () => {
    inLine.add(await overdue({ status: 'queued' }));
    expect(await repairing()()).toBe(1);
    expect(await repairing()()).toBe(0);
    expect(signals).toEqual([]);
  });

  it('looks at the open jobs of earlier versions once', async () => {
    const { repairAt, ...job } = aJob({ status: 'queued' });
    await database.collections.jobs.insertOne(job);
    const { repairAt: none, ...ended } = aJob({ status: 'ready' });
    await database.collections.jobs.insertOne(ended);
    expect(await repairing()()).toBe(1);
    expect(signals).toEqual([`uploaded ${job._id}`]);
  });

  it(
    'reads what is broken, not what is open',
    async () => {
      const rows: string[] = [];
      for (const [from, to] of [
        [0, 0],
        [0, 1000],
        [1000, 20_000],
      ] as const) {
        for (let i = from; i < to; i += 1000) {
          const repairAt = new Date(Date.now() + 3_600_000);
          const page = Array.from({ length: 1000 }, () => aJob({ repairAt, updatedAt: LONG_AGO }));
          await database.collections.jobs.insertMany(page);
        }
        const lost = await overdue({}, 'open');
        const began = performance.now();
        expect(await repairing({ adoptUnknown: async () => {} })()).toBe(1);
        rows.push(`${to} waiting: 1 job read, ${Math.round(performance.now() - began)} ms`);
        expect(signals.at(-1)).toBe(`start ${lost}`);
      }
      console.log(rows.join('\n'));
      expect(signals).toHaveLength(3);
    },
    timeLimit(120_000),
  );
});

describe('a job whose workflow was started', () => {
  async function started() {
    const job = aJob();
    await jobs.insertIfAbsent(job);
    const { runner, close } = createConfirmStarts({ leases, log }, {
      startJob: async () => {},
    } as unknown as WorkflowRunner);
    await runner.startJob(jobStart(job));
    return { job, noted: close };
  }
  const lookedAt = async (at: number) => (await leases.listOverdue(new Date(at), 10)).map(({ _id }) => _id);
  const soon = () => Date.now() + 120_000;

  it('is not looked at before its upload is late', async () => {
    const { job, noted } = await started();
    expect(await lookedAt(soon())).toEqual([job._id]);
    await noted();
    expect(await lookedAt(soon())).toEqual([]);
    expect(await lookedAt(job.uploadDeadline.getTime() + 120_000)).toEqual([job._id]);
  });

  it('is looked at when its upload was to be completed, whichever is noted first', async () => {
    const { job, noted } = await started();
    await jobs.expectMove(job._id, new Date(Date.now() + 20_000));
    await noted();
    expect(await lookedAt(soon())).toEqual([job._id]);
  });

  it('gives signs of life by its moves and its progress', async () => {
    const { job } = await started();
    const lease = async () => (await jobs.get(job._id)).repairAt?.getTime() ?? 0;
    await jobs.transition(job._id, { to: 'queued', cause: 'upload-completed' });
    await jobs.transition(job._id, { to: 'processing', cause: 'processing' });
    await leases.renew(job._id, new Date(await lease()), LONG_AGO);
    await jobs.setProgress(job._id, { percent: 1, stage: 'converting' });
    expect(await lease()).toBeGreaterThan(Date.now());
  });
});
