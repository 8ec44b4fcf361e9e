import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import type { Delivery } from '../../../src/domain/webhooks/delivery.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { PNG } from '../harness/job-harness.ts';
import { aDelivery, aJob, anUpload } from '../records.ts';
import { type CrashStepsHarness, expectReceived, type Owner } from './crash-steps-harness.ts';

/** What a process does that dies on the way, what its caller or Temporal does then, and what must hold at last. */
interface Step {
  work(): Promise<unknown>;
  afterwards?(died: boolean): Promise<unknown>;
  holds(): Promise<void>;
}

/** What the steps begin with. */
export type NewStep = (harness: CrashStepsHarness, owner: Owner) => Promise<Step>;

const REFUSED = { to: 'cancelled', fault: { code: 'CANCELLED', message: 'Cancelled.' } } as const;

export const emitting = (harness: CrashStepsHarness, { owner }: Owner, subjectId = newId()) => {
  const event = { owner, type: 'job.ready', subjectId, data: { id: subjectId } } as const;
  return () => harness.emit(event);
};

/** A delivery that nobody has taken up yet. */
export async function written(harness: CrashStepsHarness, owner: Owner): Promise<Delivery> {
  await emitting(harness, owner)();
  harness.takeStarts();
  const [delivery] = await harness.deliveriesOf(owner);
  if (!delivery) throw new Error('There is no endpoint.');
  return delivery;
}

export async function expectStates(
  harness: CrashStepsHarness,
  owner: Owner,
  ...states: string[]
): Promise<void> {
  const all = await harness.deliveriesOf(owner);
  expect([...new Set(all.map(({ state }) => state))]).toEqual(states);
}

/** The first attempt, where Temporal sees to it that there is another one. */
async function attempting(
  harness: CrashStepsHarness,
  owner: Owner,
): Promise<Pick<Step, 'work' | 'afterwards'>> {
  const { _id } = await written(harness, owner);
  const start = { deliveryId: _id, attempt: 1, fairnessKey: '', title: '' };
  const work = () => harness.attempt(start);
  return { work, afterwards: work };
}

/** The same beside the answer to a caller, where nobody repeats anything. */
async function beside(harness: CrashStepsHarness, work: () => Promise<unknown>): Promise<void> {
  harness.dispatcher.open();
  try {
    await work();
  } finally {
    await harness.dispatcher.close();
  }
}

/** One endpoint says 410, and another one has to hear of that. */
async function closing(
  harness: CrashStepsHarness,
  owner: Owner,
): Promise<{ holds(): Promise<void>; again(): Promise<void> }> {
  const gone = await harness.newEndpoint(owner, ['job.ready'], 410);
  const other = await harness.newEndpoint(owner, ['endpoint.disabled'], 200);
  return {
    /** Should the first death have hidden the answer, the next event is answered the same. */
    again: emitting(harness, owner),
    async holds() {
      const endpoint = await harness.collections.endpoints.findOne({ _id: gone.id });
      expect(endpoint).toMatchObject({ state: 'disabled', disabledFor: 'gone' });
      expectReceived(other.received, 'endpoint.disabled');
    },
  };
}

async function jobWithCallback(harness: CrashStepsHarness, { owner }: Owner, state: 'pending' | 'failed') {
  const receiver = await harness.newReceiver(200);
  const { url } = receiver;
  const job = aJob({
    owner,
    status: 'ready',
    callback: { url, sealedSecret: null, status: state, attempts: 0 },
  });
  const delivery = aDelivery({ owner, subjectId: job._id, jobId: job._id, url, state });
  await harness.collections.jobs.insertOne(job);
  await harness.collections.deliveries.insertOne(delivery);
  const holds = async () => {
    const { callback, events } = await harness.jobs.get(job._id);
    expect(callback).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(events.filter(({ type }) => type === 'callback')).toHaveLength(1);
    expect(receiver.received.length).toBeGreaterThan(0);
  };
  return { delivery, holds };
}

export const WEBHOOK_STEPS: Record<string, NewStep> = {
  'emit an event to endpoints': async (harness, owner) => {
    const hearing = await Promise.all([1, 2, 3].map(() => harness.newEndpoint(owner, ['*'], 200)));
    const work = emitting(harness, owner);
    // Whoever emits is repeated: an activity by Temporal, a submission by the end of its job.
    const holds = async () => {
      for (const { received } of hearing) expectReceived(received, 'job.ready');
      await expectStates(harness, owner, 'delivered');
    };
    return { work, afterwards: work, holds };
  },
  'send a test event': async (harness, owner) => {
    const { id, received } = await harness.newEndpoint(owner, ['*'], 200);
    const work = () => harness.operations.testEndpoint(owner.caller, id);
    // Whoever got no answer tries once more: that is another message.
    const holds = async () => {
      const messages = await harness.deliveriesOf(owner);
      expect(messages.length).toBeGreaterThan(0);
      expectReceived(received, 'endpoint.test', messages.length);
      await expectStates(harness, owner, 'delivered');
    };
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'attempt a delivery': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 200);
    const holds = async () => {
      expectReceived(received, 'job.ready');
      await expectStates(harness, owner, 'delivered');
    };
    return { ...(await attempting(harness, owner)), holds };
  },
  'attempt a delivery that fails': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 500, 500, 200);
    const holds = async () => {
      expectReceived(received, 'job.ready');
      await expectStates(harness, owner, 'delivered');
    };
    return { ...(await attempting(harness, owner)), holds };
  },
  'attempt a delivery that is the last': async (harness, owner) => {
    const { again, holds } = await closing(harness, owner);
    const { work, afterwards } = await attempting(harness, owner);
    const both = async () => {
      await afterwards?.(true);
      await again();
    };
    return { work, afterwards: both, holds };
  },
  'attempt a delivery beside the answer': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 500, 200);
    const delivery = await written(harness, owner);
    const holds = async () => {
      expectReceived(received, 'job.ready');
      await expectStates(harness, owner, 'delivered');
    };
    return { work: () => beside(harness, () => harness.dispatcher.dispatch(delivery)), holds };
  },
  'attempt a delivery that is the last beside the answer': async (harness, owner) => {
    const { again, holds } = await closing(harness, owner);
    const delivery = await written(harness, owner);
    return {
      work: () => beside(harness, () => harness.dispatcher.dispatch(delivery)),
      afterwards: again,
      holds,
    };
  },
  'attempt a callback': async (harness, owner) => {
    const { delivery, holds } = await jobWithCallback(harness, owner, 'pending');
    const work = () => harness.attempt({ deliveryId: delivery._id, attempt: 1, fairnessKey: '', title: '' });
    return { work, afterwards: work, holds };
  },
  'replay a callback': async (harness, owner) => {
    const { delivery, holds } = await jobWithCallback(harness, owner, 'failed');
    const work = () => beside(harness, () => harness.operations.replayDelivery(owner.caller, delivery._id));
    const afterwards = async (died: boolean) => {
      const { state } = await harness.deliveries.get(delivery._id);
      if (died && state === 'failed') await work();
    };
    return { work, afterwards, holds };
  },
  'record the end of a job that endpoints hear of': async (harness, owner) => {
    const hearing = await Promise.all([1, 2].map(() => harness.newEndpoint(owner, ['*'], 200)));
    const job = aJob({ owner: owner.owner, status: 'queued' });
    await harness.collections.jobs.insertOne(job);
    const work = () => harness.run('recordEnd', { jobId: job._id, end: REFUSED });
    const holds = async () => {
      for (const { received } of hearing)
        for (const type of ['job.created', 'job.cancelled']) expectReceived(received, type);
      expect((await harness.jobs.get(job._id)).status).toBe('cancelled');
    };
    return { work, afterwards: work, holds };
  },
  'complete an upload that endpoints hear of': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 200);
    const upload = anUpload({ owner: owner.owner, size: PNG.length });
    await createUploadRepository(harness.collections).insertIfAbsent(upload);
    await harness.receiveUpload(upload._id, Readable.from([PNG]));
    const work = () => harness.operations.completeUpload(owner.caller, upload._id);
    const holds = async () => {
      expectReceived(received, 'file.uploaded');
      const file = await harness.collections.files.findOne({ _id: upload._id });
      expect(await harness.blobs.size(file?.blobId ?? '')).toBe(PNG.length);
    };
    // Whoever got no answer asks again.
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'note that credits got low': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 200);
    const jobId = randomBytes(8).toString('hex');
    const work = () => harness.noteSettled(owner.accountId, jobId);
    const holds = async () => {
      expectReceived(received, 'credits.low');
      expect(await harness.collections.accounts.findOne({ _id: owner.accountId })).toMatchObject({
        lowCause: jobId,
      });
    };
    return { work, afterwards: work, holds };
  },
};
