import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import type { Delivery } from '../../../src/domain/webhooks/delivery.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { PNG } from '../bench/job-bench.ts';
import { aDelivery, aJob, anUpload } from '../records.ts';
import { type CrashStepsBench, expectTold, type Owner } from './crash-steps-bench.ts';

/** What a process does that dies on the way, what its caller or Temporal does then, and what must hold at last. */
export interface Step {
  work(): Promise<unknown>;
  afterwards?(died: boolean): Promise<unknown>;
  holds(): Promise<void>;
}

/** What the steps begin with. */
export type NewStep = (bench: CrashStepsBench, owner: Owner) => Promise<Step>;

const REFUSED = { to: 'cancelled', fault: { code: 'CANCELLED', message: 'Cancelled.' } } as const;

export const announced = (bench: CrashStepsBench, { owner }: Owner, subjectId = newId()) => {
  const announcement = { owner, type: 'job.ready', subjectId, data: { id: subjectId } } as const;
  return () => bench.announce(announcement);
};

/** A delivery that nobody has taken up yet. */
export async function written(bench: CrashStepsBench, owner: Owner): Promise<Delivery> {
  await announced(bench, owner)();
  bench.takeStarts();
  const [delivery] = await bench.deliveriesOf(owner);
  if (!delivery) throw new Error('There is no endpoint.');
  return delivery;
}

export async function expectStates(bench: CrashStepsBench, owner: Owner, ...states: string[]): Promise<void> {
  const all = await bench.deliveriesOf(owner);
  expect([...new Set(all.map(({ state }) => state))]).toEqual(states);
}

/** The first attempt, where Temporal sees to it that there is another one. */
async function attempting(bench: CrashStepsBench, owner: Owner): Promise<Pick<Step, 'work' | 'afterwards'>> {
  const { _id } = await written(bench, owner);
  const start = { deliveryId: _id, attempt: 1, fairnessKey: '', title: '' };
  const work = () => bench.attempt(start);
  return { work, afterwards: work };
}

/** The same beside the answer to a caller, where nobody repeats anything. */
async function beside(bench: CrashStepsBench, work: () => Promise<unknown>): Promise<void> {
  bench.courier.open();
  try {
    await work();
  } finally {
    await bench.courier.close();
  }
}

/** One endpoint says 410, and another one has to hear of that. */
async function closing(
  bench: CrashStepsBench,
  owner: Owner,
): Promise<{ holds(): Promise<void>; again(): Promise<void> }> {
  const gone = await bench.newEndpoint(owner, ['job.ready'], 410);
  const other = await bench.newEndpoint(owner, ['endpoint.disabled'], 200);
  return {
    /** Should the first death have hidden the answer, the next event is answered the same. */
    again: announced(bench, owner),
    async holds() {
      const endpoint = await bench.collections.endpoints.findOne({ _id: gone.id });
      expect(endpoint).toMatchObject({ state: 'disabled', disabledFor: 'gone' });
      expectTold(other.received, 'endpoint.disabled');
    },
  };
}

async function jobWithCallback(bench: CrashStepsBench, { owner }: Owner, state: 'pending' | 'failed') {
  const receiver = await bench.newReceiver(200);
  const { url } = receiver;
  const job = aJob({
    owner,
    status: 'ready',
    callback: { url, sealedSecret: null, status: state, attempts: 0 },
  });
  const delivery = aDelivery({ owner, subjectId: job._id, jobId: job._id, url, state });
  await bench.collections.jobs.insertOne(job);
  await bench.collections.deliveries.insertOne(delivery);
  const holds = async () => {
    const { callback, events } = await bench.jobs.get(job._id);
    expect(callback).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(events.filter(({ type }) => type === 'callback')).toHaveLength(1);
    expect(receiver.received.length).toBeGreaterThan(0);
  };
  return { delivery, holds };
}

export const WEBHOOK_STEPS: Record<string, NewStep> = {
  'announce an event to endpoints': async (bench, owner) => {
    const hearing = await Promise.all([1, 2, 3].map(() => bench.newEndpoint(owner, ['*'], 200)));
    const work = announced(bench, owner);
    // Whoever announces is repeated: an activity by Temporal, a submission by the end of its job.
    const holds = async () => {
      for (const { received } of hearing) expectTold(received, 'job.ready');
      await expectStates(bench, owner, 'delivered');
    };
    return { work, afterwards: work, holds };
  },
  'send a test event': async (bench, owner) => {
    const { id, received } = await bench.newEndpoint(owner, ['*'], 200);
    const work = () => bench.webhooks.testEndpoint(owner.caller, id);
    // Whoever got no answer tries once more: that is another message.
    const holds = async () => {
      const messages = await bench.deliveriesOf(owner);
      expect(messages.length).toBeGreaterThan(0);
      expectTold(received, 'endpoint.test', messages.length);
      await expectStates(bench, owner, 'delivered');
    };
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'attempt a delivery': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 200);
    const holds = async () => {
      expectTold(received, 'job.ready');
      await expectStates(bench, owner, 'delivered');
    };
    return { ...(await attempting(bench, owner)), holds };
  },
  'attempt a delivery that fails': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 500, 500, 200);
    const holds = async () => {
      expectTold(received, 'job.ready');
      await expectStates(bench, owner, 'delivered');
    };
    return { ...(await attempting(bench, owner)), holds };
  },
  'attempt a delivery that is the last': async (bench, owner) => {
    const { again, holds } = await closing(bench, owner);
    const { work, afterwards } = await attempting(bench, owner);
    const both = async () => {
      await afterwards?.(true);
      await again();
    };
    return { work, afterwards: both, holds };
  },
  'attempt a delivery beside the answer': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 500, 200);
    const delivery = await written(bench, owner);
    const holds = async () => {
      expectTold(received, 'job.ready');
      await expectStates(bench, owner, 'delivered');
    };
    return { work: () => beside(bench, () => bench.courier.take(delivery)), holds };
  },
  'attempt a delivery that is the last beside the answer': async (bench, owner) => {
    const { again, holds } = await closing(bench, owner);
    const delivery = await written(bench, owner);
    return { work: () => beside(bench, () => bench.courier.take(delivery)), afterwards: again, holds };
  },
  'attempt a callback': async (bench, owner) => {
    const { delivery, holds } = await jobWithCallback(bench, owner, 'pending');
    const work = () => bench.attempt({ deliveryId: delivery._id, attempt: 1, fairnessKey: '', title: '' });
    return { work, afterwards: work, holds };
  },
  'replay a callback': async (bench, owner) => {
    const { delivery, holds } = await jobWithCallback(bench, owner, 'failed');
    const work = () => beside(bench, () => bench.webhooks.replayDelivery(owner.caller, delivery._id));
    const afterwards = async (died: boolean) => {
      const { state } = await bench.deliveries.get(delivery._id);
      if (died && state === 'failed') await work();
    };
    return { work, afterwards, holds };
  },
  'record the end of a job that endpoints hear of': async (bench, owner) => {
    const hearing = await Promise.all([1, 2].map(() => bench.newEndpoint(owner, ['*'], 200)));
    const job = aJob({ owner: owner.owner, status: 'queued' });
    await bench.collections.jobs.insertOne(job);
    const work = () => bench.run('recordEnd', { jobId: job._id, end: REFUSED });
    const holds = async () => {
      for (const { received } of hearing)
        for (const type of ['job.created', 'job.cancelled']) expectTold(received, type);
      expect((await bench.jobs.get(job._id)).status).toBe('cancelled');
    };
    return { work, afterwards: work, holds };
  },
  'complete an upload that endpoints hear of': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 200);
    const upload = anUpload({ owner: owner.owner, size: PNG.length });
    await createUploadRepository(bench.collections).insertIfAbsent(upload);
    await bench.receiveUpload(upload._id, Readable.from([PNG]));
    const work = () => bench.announcingUpload(owner.caller, upload._id);
    const holds = async () => {
      expectTold(received, 'file.uploaded');
      const file = await bench.collections.files.findOne({ _id: upload._id });
      expect(await bench.blobs.size(file?.blobId ?? '')).toBe(PNG.length);
    };
    // Whoever got no answer asks again.
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'note that credits got low': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 200);
    const jobId = randomBytes(8).toString('hex');
    const work = () => bench.noteSettled(owner.accountId, jobId);
    const holds = async () => {
      expectTold(received, 'credits.low');
      expect(await bench.collections.accounts.findOne({ _id: owner.accountId })).toMatchObject({
        lowCause: jobId,
      });
    };
    return { work, afterwards: work, holds };
  },
};
