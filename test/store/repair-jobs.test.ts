import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConversionError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { createRepairJobs } from '../../src/operations/repair-jobs.ts';
import { createJobRepository } from '../../src/store/jobs.ts';
import { createUploadRepository } from '../../src/store/uploads.ts';
import { openDatabase } from '../support/database.ts';
import { aJob, anUpload } from '../support/records.ts';

const LONG_AGO = new Date(Date.now() - 60_000);

let database: Awaited<ReturnType<typeof openDatabase>>;
let asked: string[];
let broken: string | undefined;

beforeAll(async () => {
  database = await openDatabase();
});
beforeEach(async () => {
  asked = [];
  broken = undefined;
  inLine.clear();
  await database.collections.jobs.deleteMany({});
});
afterAll(() => database.drop());

/** Jobs that wait for their turn. */
const inLine = new Set<string>();

function repairing() {
  const tell = (what: string) => async (start: { jobId: string }) => {
    if (start.jobId === broken) throw new ConversionError('UNAVAILABLE', 'Not now.');
    asked.push(`${what} ${start.jobId}`);
  };
  return createRepairJobs({
    jobs: createJobRepository(database.collections, { publish: () => {} }),
    uploads: createUploadRepository(database.collections),
    runner: {
      startJob: tell('start'),
      uploadCompleted: tell('uploaded'),
      cancelJob: async () => {},
      admitJob: async () => {},
      startBatch: async () => {},
      nudgeBatch: async () => {},
      startDelivery: async () => {},
      wakeDelivery: async () => true,
      ping: async () => {},
    },
    admissions: { positionOf: async ({ _id }) => (inLine.has(_id) ? 1 : null) },
    log: createLog('silent'),
  });
}

async function stalled(
  different: Parameters<typeof aJob>[0] = {},
  state?: 'open' | 'finalized' | 'rejected',
) {
  const job = aJob({ updatedAt: LONG_AGO, ...different });
  await database.collections.jobs.insertOne(job);
  const fileId = job.inputs[0]?.fileId ?? '';
  if (state) await database.collections.uploads.insertOne(anUpload({ _id: fileId, jobId: job._id, state }));
  return job._id;
}

describe('a repair round', () => {
  it('starts what was never started and tells of uploads whatever the job’s state', async () => {
    const waiting = await stalled({}, 'open');
    const uploaded = await stalled({}, 'finalized');
    const rejected = await stalled({}, 'rejected');
    const queued = await stalled({ status: 'queued' });
    const processing = await stalled({ status: 'processing' });
    await stalled({ status: 'ready' });
    await stalled({ status: 'queued', updatedAt: new Date() });
    expect(await repairing()()).toBe(5);
    expect(asked).toEqual([
      `start ${waiting}`,
      `uploaded ${uploaded}`,
      `uploaded ${rejected}`,
      `uploaded ${queued}`,
      `uploaded ${processing}`,
    ]);
  });

  it('goes on when one job cannot be repaired', async () => {
    broken = await stalled({ status: 'queued' });
    const other = await stalled({ status: 'queued' });
    await repairing()();
    expect(asked).toEqual([`uploaded ${other}`]);
  });

  it('comes to every job in turn, however many only wait', async () => {
    const many = Array.from({ length: 600 }, () => aJob({ updatedAt: LONG_AGO }));
    await database.collections.jobs.insertMany(many);
    const last = await stalled({ status: 'queued' });
    const repair = repairing();
    expect(await repair()).toBe(500);
    expect(await repair()).toBe(101);
    expect(asked.at(-1)).toBe(`uploaded ${last}`);
    expect(new Set(asked).size).toBe(601);
    expect(await repair()).toBe(500);
  });
});
