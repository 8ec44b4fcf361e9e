import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Service, send, startService } from '../../http/service.ts';
import { createJobHarness, type JobHarness, PICTURE, PNG, USED } from '../../support/harness/job-harness.ts';
import { expectCleanDisk, expectSound } from '../../support/invariants.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';
import { timeLimit } from '../../support/time-limit.ts';

const ROUNDS = 20;
const CALLS = 100;

let harness: JobHarness;
let base: Service;
let service: Service;

/** The real routes over the real database. */
beforeAll(async () => {
  harness = await createJobHarness();
  base = await startService();
  const { receiveUpload, completeUpload, links } = harness;
  service = await startService({ operations: { ...base.operations, receiveUpload, completeUpload, links } });
});
afterAll(async () => {
  await service.close();
  await base.close();
  await harness.close();
});

it(
  `${CALLS} parallel finalizes of one upload, ${ROUNDS} times: one counts`,
  async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const { accountId, caller } = await harness.newPayer(ROUNDS * USED + 1);
    let calls = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { job, upload } = await harness.submitJob(
        { dialect: 'swapmyfile', input: { upload: PICTURE }, target: 'webp' },
        caller,
      );
      if (!upload) throw new Error('The file is not there yet.');
      await harness.receiveUpload(upload._id, Readable.from([PNG]));
      const path = harness.links.completePath(upload);
      const complete = async () => {
        // Some come late, when the job is on its way or at its end.
        await new Promise((resolve) => setTimeout(resolve, random.chance(0.5) ? 0 : random.below(150)));
        const answer = await send(service.url, path, { method: 'POST' });
        calls += 1;
        return `${answer.status} ${answer.json<{ status: string }>().status}`;
      };
      const answers = await Promise.all(Array.from({ length: CALLS }, complete));
      expect(answers.filter((answer) => answer === '200 completed')).toHaveLength(1);
      expect(answers.filter((answer) => answer === '200 already_completed')).toHaveLength(CALLS - 1);
      expect(await harness.ended(job._id)).toEqual({ status: 'ready' });
      expect(harness.runsOf(job._id)).toBe(1);
      // The upload has become one file, and the job has made another.
      expect(await harness.collections.files.countDocuments({ jobId: job._id })).toBe(2);
    }
    const ends = await expectSound(harness, accountId);
    await expectCleanDisk(harness);
    const { available } = await harness.credits.get(accountId);
    console.log(
      `parallel finalizes (seed ${seed}): ${calls} calls, ${JSON.stringify(ends)}, balance ${available}`,
    );
    expect({ ends, available }).toEqual({ ends: { ready: ROUNDS }, available: 1 });
  },
  timeLimit(120_000),
);
