import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isIdle } from '../../../src/domain/jobs/admission.ts';
import { type CrashHarness, createCrashHarness } from '../../support/crash/crash-harness.ts';
import { OPEN_UPLOADS } from '../../support/harness/activity-harness.ts';
import { PICTURE, PNG } from '../../support/harness/job-harness.ts';
import { refusalOf } from '../../support/money.ts';
import { timeLimit } from '../../support/time-limit.ts';

let harness: CrashHarness;

beforeAll(async () => {
  harness = await createCrashHarness();
});
afterAll(() => harness.close());

const times = (count: number, work: () => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, work));
const request = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

it(
  'uploads without a job count among those that are awaited, until they are complete or their time is over',
  async () => {
    const { caller, accountId } = await harness.newPayer(0);
    const prepare = () => harness.prepareUpload(caller, PICTURE);
    const { _id } = await prepare();
    await times(OPEN_UPLOADS - 1, prepare);
    await expect(prepare()).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: `At most ${OPEN_UPLOADS} uploads may be open at a time.`,
      hint: expect.stringContaining('KILN_LIMIT_OPEN_UPLOADS'),
    });
    expect(await refusalOf(harness.submitJob(caller, request))).toBe('RATE_LIMITED');

    await harness.receiveUpload(_id, Readable.from([PNG]));
    await harness.completeUpload(caller, _id);
    expect(await refusalOf(prepare())).toBeNull();

    // A look at the admission takes nothing from those that are awaited.
    await harness.mend(accountId);
    expect(await refusalOf(prepare())).toBe('RATE_LIMITED');
    const owner = `account:${accountId}`;
    await harness.collections.uploads.updateMany({ owner }, { $set: { expiresAt: new Date() } });
    // A round looks at the oldest hundred.
    const admissions = harness.collections.admissions;
    for (let round = 0; round <= OPEN_UPLOADS / 100; round += 1) await harness.mend(accountId);
    const admission = await admissions.findOne({ _id: owner });
    expect(admission === null || isIdle(admission)).toBe(true);
  },
  timeLimit(120_000),
);
