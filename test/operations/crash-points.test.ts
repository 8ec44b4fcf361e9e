import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CrashHarness, createCrashHarness } from '../support/crash/crash-harness.ts';
import { awaited, dieEverywhere, type Scenarios, scenarioTools } from '../support/crash/crash-scenarios.ts';
import { scenariosOf } from '../support/crash/crash-table.ts';
import { PICTURE, PNG } from '../support/harness/job-harness.ts';

let harness: CrashHarness;

beforeAll(async () => {
  harness = await createCrashHarness();
});
afterAll(() => harness.close());

const { bring, stored, served, worked, failingJob, submitting, cancelling } = scenarioTools(() => harness);

const SCENARIOS: Scenarios = {
  'prepare a job': async ({ caller }) => ({
    dying: served(() => harness.submitJob(caller, awaited)),
    afterwards: () => harness.cancelAwaited(caller),
    ends: ['cancelled'],
    jobs: [0, 1],
  }),
  'prepare a job with a key': async ({ caller }) => {
    const submit = () => harness.submitJob(caller, { ...awaited, idempotencyKey: 'mine' });
    // Whoever got no answer asks again.
    const afterwards = async (died: boolean) => {
      if (died) await submit();
      await harness.cancelAwaited(caller);
    };
    return { dying: served(submit), afterwards, ends: ['cancelled'], jobs: [1, 1] };
  },
  'submit a job on a file': async (payer) => {
    const request = await stored(payer);
    return { dying: served(() => harness.submitJob(payer.caller, request)), ends: ['ready'], jobs: [0, 1] };
  },
  'prepare an upload without a job': async ({ caller, accountId }) => {
    const expire = () =>
      harness.collections.uploads.updateMany(
        { owner: `account:${accountId}` },
        { $set: { expiresAt: new Date() } },
      );
    const prepare = () => harness.prepareUpload(caller, PICTURE);
    return { dying: served(prepare), afterwards: expire, ends: [], jobs: [0, 0] };
  },
  'complete an upload without a job': async ({ caller }) => {
    const { _id } = await harness.prepareUpload(caller, PICTURE);
    await harness.receiveUpload(_id, Readable.from([PNG]));
    const complete = () => harness.completeUpload(caller, _id);
    // Before anything was written the caller has to ask again; afterwards it is a file.
    const afterwards = async () => {
      if ((await harness.uploads.get(_id)).state === 'received') await complete();
      const { job } = await harness.submitJob(caller, { ...awaited, input: { fileId: _id } });
      expect(job.status).toBe('queued');
    };
    return { dying: served(complete), afterwards, ends: ['ready'], jobs: [1, 1] };
  },
  'receive an upload': async ({ caller }) => {
    const { upload } = await harness.submitJob(caller, awaited);
    const send = () => harness.receiveUpload(upload?._id ?? '', Readable.from([PNG]));
    return { dying: served(send), afterwards: () => bring(upload?._id), ends: ['ready'], jobs: [1, 1] };
  },
  'receive an upload a second time': async ({ caller }) => {
    const { upload } = await harness.submitJob(caller, awaited);
    const send = () => harness.receiveUpload(upload?._id ?? '', Readable.from([PNG]));
    await send();
    const complete = () => harness.completeUpload(null, upload?._id ?? '');
    return { dying: served(send), afterwards: complete, ends: ['ready'], jobs: [1, 1] };
  },
  'refuse an upload of a wrong size': async ({ caller }) => {
    const { upload } = await harness.submitJob(caller, awaited);
    const send = () =>
      harness.receiveUpload(upload?._id ?? '', Readable.from([PNG.subarray(1)])).catch(() => {});
    return { dying: served(send), afterwards: send, ends: ['failed'], jobs: [1, 1] };
  },
  'complete an upload': async ({ caller }) => {
    const { upload } = await harness.submitJob(caller, awaited);
    const uploadId = upload?._id ?? '';
    await harness.receiveUpload(uploadId, Readable.from([PNG]));
    const complete = () => harness.completeUpload(caller, uploadId);
    // Before anything was written the caller has to ask again; afterwards nobody has.
    const afterwards = async () => {
      if ((await harness.uploads.get(uploadId)).state === 'received') await complete();
    };
    return { dying: served(complete), afterwards, ends: ['ready'], jobs: [1, 1] };
  },
  'cancel a job': async (payer) => {
    const { fail } = await failingJob(payer);
    return { dying: served(fail), afterwards: () => fail(), ends: ['cancelled'], jobs: [1, 1] };
  },
  'retry a job': async ({ caller, accountId }) => {
    const { job, fail } = await failingJob({ caller, accountId });
    await fail();
    return {
      dying: served(() => harness.retryJob(caller, job._id)),
      afterwards: () => harness.cancelAwaited(caller),
      ends: ['cancelled'],
      jobs: [1, 2],
    };
  },
  'record that a job is queued': async ({ caller }) => {
    const { upload } = await harness.submitJob(caller, awaited);
    return { dying: worked('recordQueued', () => bring(upload?._id)), ends: ['ready'], jobs: [1, 1] };
  },
  'admit and acquire': (payer) => submitting(payer, 'convertSmallFile'),
  convert: (payer) => submitting(payer, 'convert'),
  publish: (payer) => submitting(payer, 'publish'),
  'record the end of a job': (payer) => submitting(payer, 'recordEnd'),
  'record the end of a cancelled job': (payer) => cancelling(payer, 'recordEnd'),
  'discard files': (payer) => cancelling(payer, 'discardFiles'),
};

describe('a process that dies between any two writes, and is repaired', () => {
  it('covers all that the table of operations and activities leaves to it', () => {
    expect(scenariosOf('jobs').filter((name) => !(name in SCENARIOS))).toEqual([]);
  });

  it.each(Object.entries(SCENARIOS))(
    'while it is to %s: every accepted job ends once, and nothing is lost, held or done twice',
    (name, newScenario) => dieEverywhere(harness, name, newScenario),
    300_000,
  );
});
