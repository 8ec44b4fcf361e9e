import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { isIdle } from '../../src/domain/admission.ts';
import type { JobStatus } from '../../src/domain/job.ts';
import { type CrashBench, createCrashBench } from '../support/crash-bench.ts';
import { expectSound } from '../support/invariants.ts';
import { PICTURE, PNG, USED } from '../support/job-bench.ts';

/** A job and its retry hold this much at the same time. */
const CREDITS = 100;
const MOST_POINTS = 40;

let bench: CrashBench;

beforeAll(async () => {
  bench = await createCrashBench();
});
afterAll(() => bench.close());

type Payer = Awaited<ReturnType<CrashBench['newPayer']>>;

/** What a process does that dies on the way, and what its caller does then. */
interface Deed {
  /** @returns whether the process died. */
  dying(mostWrites: number): Promise<boolean>;
  afterwards?(died: boolean): Promise<unknown>;
  /** The only ways in which its jobs may end. */
  ends: readonly JobStatus[];
  /** How many jobs there may be at the most, and at the least. */
  jobs: readonly [least: number, most: number];
}

const awaited = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

/** Brings the file of a job that waits for it. */
async function bring(uploadId: string | undefined): Promise<void> {
  await bench.receiveUpload(uploadId ?? '', Readable.from([PNG]));
  await bench.completeUpload(null, uploadId ?? '');
}

async function stored({ accountId }: Payer) {
  return { ...awaited, input: { fileId: await bench.newFile(accountId) } } as const;
}

/** A deed of a process that answers a caller. */
const served = (work: () => Promise<unknown>) => (mostWrites: number) => bench.dyingAfter(mostWrites, work);

/** A deed of a worker: the first attempt at this activity, in whatever is begun by `work`. */
const worked = (name: keyof Activities, work: () => Promise<unknown>) => async (mostWrites: number) => {
  const died = bench.dyingAttempt(name, mostWrites);
  await work();
  return died;
};

async function failingJob(payer: Payer) {
  const { job, upload } = await bench.submitJob(payer.caller, awaited);
  return { job, fail: () => bench.cancelJob(payer.caller, job._id), uploadId: upload?._id };
}

const submitting = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
  const wish = await stored(payer);
  const dying = worked(name, () => bench.submitJob(payer.caller, wish));
  return { dying, ends: ['ready'], jobs: [1, 1] };
};

const cancelling = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
  const { fail } = await failingJob(payer);
  return { dying: worked(name, fail), ends: ['cancelled'], jobs: [1, 1] };
};

const batching = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
  const jobs = [await stored(payer), await stored(payer), await stored(payer)];
  const wish = { dialect: 'graphql', jobs, archive: true } as const;
  const dying = worked(name, () => bench.submitBatch(payer.caller, wish));
  return { dying, ends: ['ready'], jobs: [3, 3] };
};

const DEEDS: Record<string, (payer: Payer) => Promise<Deed>> = {
  'prepare a job': async ({ caller }) => ({
    dying: served(() => bench.submitJob(caller, awaited)),
    afterwards: () => bench.cancelAwaited(caller),
    ends: ['cancelled'],
    jobs: [0, 1],
  }),
  'prepare a job with a key': async ({ caller }) => {
    const submit = () => bench.submitJob(caller, { ...awaited, idempotencyKey: 'mine' });
    // Whoever got no answer asks again.
    const afterwards = async (died: boolean) => {
      if (died) await submit();
      await bench.cancelAwaited(caller);
    };
    return { dying: served(submit), afterwards, ends: ['cancelled'], jobs: [1, 1] };
  },
  'submit a batch with a key': async (payer) => {
    const jobs = [await stored(payer), awaited, await stored(payer)];
    const wish = { dialect: 'graphql', jobs, idempotencyKey: 'mine' } as const;
    const submit = () => bench.submitBatch(payer.caller, wish);
    const afterwards = async (died: boolean) => {
      if (died) await submit();
      await bench.cancelAwaited(payer.caller);
    };
    return { dying: served(submit), afterwards, ends: ['ready', 'cancelled'], jobs: [3, 3] };
  },
  'submit a job on a file': async (payer) => {
    const wish = await stored(payer);
    return { dying: served(() => bench.submitJob(payer.caller, wish)), ends: ['ready'], jobs: [0, 1] };
  },
  'prepare an upload without a job': async ({ caller, accountId }) => {
    const expire = () =>
      bench.collections.uploads.updateMany(
        { owner: `account:${accountId}` },
        { $set: { expiresAt: new Date() } },
      );
    const prepare = () => bench.prepareUpload(caller, PICTURE);
    return { dying: served(prepare), afterwards: expire, ends: [], jobs: [0, 0] };
  },
  'complete an upload without a job': async ({ caller }) => {
    const { _id } = await bench.prepareUpload(caller, PICTURE);
    await bench.receiveUpload(_id, Readable.from([PNG]));
    const complete = () => bench.completeUpload(caller, _id);
    // Before anything was written the caller has to ask again; afterwards it is a file.
    const afterwards = async () => {
      if ((await bench.uploads.get(_id)).state === 'received') await complete();
      const { job } = await bench.submitJob(caller, { ...awaited, input: { fileId: _id } });
      expect(job.status).toBe('queued');
    };
    return { dying: served(complete), afterwards, ends: ['ready'], jobs: [1, 1] };
  },
  'receive an upload': async ({ caller }) => {
    const { upload } = await bench.submitJob(caller, awaited);
    const send = () => bench.receiveUpload(upload?._id ?? '', Readable.from([PNG]));
    return { dying: served(send), afterwards: () => bring(upload?._id), ends: ['ready'], jobs: [1, 1] };
  },
  'receive an upload a second time': async ({ caller }) => {
    const { upload } = await bench.submitJob(caller, awaited);
    const send = () => bench.receiveUpload(upload?._id ?? '', Readable.from([PNG]));
    await send();
    const complete = () => bench.completeUpload(null, upload?._id ?? '');
    return { dying: served(send), afterwards: complete, ends: ['ready'], jobs: [1, 1] };
  },
  'refuse an upload of a wrong size': async ({ caller }) => {
    const { upload } = await bench.submitJob(caller, awaited);
    const send = () =>
      bench.receiveUpload(upload?._id ?? '', Readable.from([PNG.subarray(1)])).catch(() => {});
    return { dying: served(send), afterwards: send, ends: ['failed'], jobs: [1, 1] };
  },
  'complete an upload': async ({ caller }) => {
    const { upload } = await bench.submitJob(caller, awaited);
    const uploadId = upload?._id ?? '';
    await bench.receiveUpload(uploadId, Readable.from([PNG]));
    const complete = () => bench.completeUpload(caller, uploadId);
    // Before anything was written the caller has to ask again; afterwards nobody has.
    const afterwards = async () => {
      if ((await bench.uploads.get(uploadId)).state === 'received') await complete();
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
      dying: served(() => bench.retryJob(caller, job._id)),
      afterwards: () => bench.cancelAwaited(caller),
      ends: ['cancelled'],
      jobs: [1, 2],
    };
  },
  'submit a batch': async (payer) => {
    const jobs = [await stored(payer), awaited, await stored(payer)];
    const wish = { dialect: 'graphql', jobs, archive: true } as const;
    return {
      dying: served(() => bench.submitBatch(payer.caller, wish)),
      afterwards: () => bench.cancelAwaited(payer.caller),
      ends: ['ready', 'cancelled'],
      jobs: [0, 3],
    };
  },
  'cancel a batch': async ({ caller }) => {
    const wish = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await bench.submitBatch(caller, wish);
    const cancel = () => bench.cancelBatch(caller, batch._id);
    // Before anything was written the caller has to ask again; afterwards nobody has.
    const afterwards = async () => {
      if ((await bench.batches.get(batch._id)).cancelReason === null) await cancel();
    };
    return { dying: served(cancel), afterwards, ends: ['cancelled'], jobs: [2, 2] };
  },
  'retry a batch': async ({ caller }) => {
    const wish = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await bench.submitBatch(caller, wish);
    await bench.cancelBatch(caller, batch._id);
    await bench.mend(caller.accountId);
    return {
      dying: served(() => bench.retryBatch(caller, batch._id)),
      afterwards: () => bench.cancelAwaited(caller),
      ends: ['cancelled'],
      jobs: [2, 4],
    };
  },
  'record that a job is queued': async ({ caller }) => {
    const { upload } = await bench.submitJob(caller, awaited);
    return { dying: worked('recordQueued', () => bring(upload?._id)), ends: ['ready'], jobs: [1, 1] };
  },
  'admit and acquire': (payer) => submitting(payer, 'convertSmallFile'),
  'hold credits': (payer) => submitting(payer, 'holdCredits'),
  convert: (payer) => submitting(payer, 'convert'),
  publish: (payer) => submitting(payer, 'publish'),
  'record the end of a job': (payer) => submitting(payer, 'recordEnd'),
  'record the end of a cancelled job': (payer) => cancelling(payer, 'recordEnd'),
  'settle credits': (payer) => submitting(payer, 'settleCredits'),
  'discard files': (payer) => cancelling(payer, 'discardFiles'),
  'start the jobs of a batch': (payer) => batching(payer, 'startBatchJobs'),
  'record the end of a job in a batch': (payer) => batching(payer, 'recordEnd'),
  'pack a batch': (payer) => batching(payer, 'packBatch'),
  'end a batch': (payer) => batching(payer, 'endBatch'),
  'cancel the jobs of a batch': async ({ caller }) => {
    const wish = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await bench.submitBatch(caller, wish);
    const cancel = () => bench.cancelBatch(caller, batch._id);
    return { dying: worked('cancelBatchJobs', cancel), ends: ['cancelled'], jobs: [2, 2] };
  },
  'grant credits': async ({ accountId }) => {
    const grant = async () => {
      await bench.credits.grant({ accountId, kind: 'monthly', run: '2026-11', amount: 5 });
      await bench.ledger.drain(accountId);
    };
    return { dying: served(grant), afterwards: grant, ends: [], jobs: [0, 0] };
  },
};

/** Nothing of the account is left over: no open place, no file without bytes. */
async function expectNothingLeft(accountId: string): Promise<void> {
  const owner = `account:${accountId}`;
  const lane = await bench.collections.admissions.findOne({ _id: owner });
  expect(lane === null || isIdle(lane), JSON.stringify(lane)).toBe(true);
  for (const { blobId, size } of await bench.collections.files.find({ owner }).toArray())
    expect(await bench.blobs.size(blobId), blobId).toBe(size);
  for (const { _id, status, total, outcomes } of await bench.collections.batches.find({ owner }).toArray())
    expect(Object.keys(outcomes), `${_id} is ${status}`).toHaveLength(total);
}

let points = 0;

describe('a process that dies between any two writes, and is repaired', () => {
  it.each(Object.keys(DEEDS))(
    'while it is to %s: every accepted job ends once, and nothing is lost, held or done twice',
    async (name) => {
      let died = true;
      let writes = 0;
      for (; died; writes += 1) {
        expect(writes).toBeLessThan(MOST_POINTS);
        const payer = await bench.newPayer(CREDITS);
        const deed = await DEEDS[name]?.(payer);
        if (!deed) throw new Error(`Nobody does ${name}.`);
        died = await deed.dying(writes);
        await deed.afterwards?.(died);
        await bench.mend(payer.accountId);
        const at = `${name}, after write ${writes}`;
        const ends = await expectSound(bench, payer.accountId);
        expect(
          Object.keys(ends).filter((end) => !deed.ends.includes(end as JobStatus)),
          at,
        ).toEqual([]);
        const jobs = Object.values(ends).reduce((sum, count) => sum + count, 0);
        expect(jobs, at).toBeGreaterThanOrEqual(died ? deed.jobs[0] : deed.jobs[1]);
        expect(jobs, at).toBeLessThanOrEqual(deed.jobs[1]);
        await expectNothingLeft(payer.accountId);
      }
      points += writes - 1;
      console.log(`${name}: ${writes - 1} crash points (${points} so far, ${USED} credits a job)`);
      expect(writes).toBeGreaterThan(1);
    },
    300_000,
  );
});
