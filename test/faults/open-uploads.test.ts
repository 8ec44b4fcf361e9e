import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isIdle } from '../../src/domain/jobs/admission.ts';
import { OPEN_UPLOADS } from '../support/bench/activity-bench.ts';
import { PICTURE, PNG } from '../support/bench/job-bench.ts';
import { type CrashBench, createCrashBench } from '../support/crash/crash-bench.ts';
import { refusalOf } from '../support/money.ts';
import { patience } from '../support/patience.ts';

let bench: CrashBench;

beforeAll(async () => {
  bench = await createCrashBench();
});
afterAll(() => bench.close());

const times = (count: number, work: () => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, work));
const wish = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

it(
  'uploads without a job count among those that are awaited, until they are complete or their time is over',
  async () => {
    const { caller, accountId } = await bench.newPayer(0);
    const prepare = () => bench.prepareUpload(caller, PICTURE);
    const { _id } = await prepare();
    await times(OPEN_UPLOADS - 1, prepare);
    expect(await refusalOf(prepare())).toBe('RATE_LIMITED');
    expect(await refusalOf(bench.submitJob(caller, wish))).toBe('RATE_LIMITED');

    await bench.receiveUpload(_id, Readable.from([PNG]));
    await bench.completeUpload(caller, _id);
    expect(await refusalOf(prepare())).toBeNull();

    // A look at the lane takes nothing from those that are awaited.
    await bench.mend(accountId);
    expect(await refusalOf(prepare())).toBe('RATE_LIMITED');
    const owner = `account:${accountId}`;
    await bench.collections.uploads.updateMany({ owner }, { $set: { expiresAt: new Date() } });
    // A round looks at the oldest hundred.
    const lanes = bench.collections.admissions;
    for (let round = 0; round <= OPEN_UPLOADS / 100; round += 1) await bench.mend(accountId);
    const lane = await lanes.findOne({ _id: owner });
    expect(lane === null || isIdle(lane)).toBe(true);
  },
  patience(120_000),
);
