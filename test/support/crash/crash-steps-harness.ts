import { Readable } from 'node:stream';
import { expect } from 'vitest';
import type { StoredFile } from '../../../src/domain/files/file.ts';
import type { Delivery } from '../../../src/domain/webhooks/delivery.ts';
import type { DeliveryStart } from '../../../src/operations/workflow-runner.ts';
import { createActivityHarness } from '../harness/activity-harness.ts';
import { PNG } from '../harness/job-harness.ts';
import { anAccount } from '../money.ts';
import { aFile, anAccountCaller } from '../records.ts';
import { openReceiver, type ReceivedWebhook } from '../servers/webhook-receiver.ts';
import { createCrashing } from './crashing.ts';

/** As late as every delivery is due, and every repair looks at it. */
const LATER_MS = 4 * 24 * 3_600_000;
const MOST_ROUNDS = 50;

export type CrashStepsHarness = Awaited<ReturnType<typeof createCrashStepsHarness>>;

/** Somebody with an account. */
export interface Owner {
  accountId: string;
  /** As records name it. */
  owner: string;
  caller: ReturnType<typeof anAccountCaller>;
}

/** Processes that die between two writes of what needs no job's workflow: deliveries, secrets, sweeps and grants. */
export async function createCrashStepsHarness() {
  const crashing = createCrashing();
  const starts: DeliveryStart[] = [];
  const deliveryRunner = crashing.runner({
    startDelivery: async (start: DeliveryStart) => void starts.push(start),
    // No workflow waits here: whoever wakes one starts it.
    wakeDelivery: async () => false,
  });
  const harness = await createActivityHarness({ crashing, deliveryRunner });
  const { collections, blobs, operations, repairs } = harness;
  const receivers: Awaited<ReturnType<typeof openReceiver>>[] = [];

  /** One attempt, as the workflow of a delivery has it made. */
  const attempt = ({ deliveryId, attempt: number, holds = 0 }: DeliveryStart) =>
    harness.run('attemptDelivery', { deliveryId, attempt: number, holds });

  return {
    ...harness,
    dyingAfter: crashing.dyingAfter,
    /** The database as processes see it that may die. */
    mortal: crashing.collections(collections),
    attempt,
    /** What was to be started and is not yet; taken away from whoever would do it. */
    takeStarts: () => starts.splice(0),

    async newOwner(credits = 0): Promise<Owner> {
      const accountId = await anAccount(collections, credits);
      return { accountId, owner: `account:${accountId}`, caller: anAccountCaller({ accountId }) };
    },

    /** An endpoint with a receiver that answers so. */
    async newEndpoint({ caller }: Owner, events: string[], ...replies: Parameters<typeof openReceiver>) {
      const receiver = await openReceiver(...replies);
      receivers.push(receiver);
      const { endpoint } = await operations.createEndpoint(caller, {
        url: receiver.url,
        events,
        description: '',
      });
      return { ...receiver, id: endpoint._id };
    },

    /** A receiver of callbacks. */
    async newReceiver(...replies: Parameters<typeof openReceiver>) {
      const receiver = await openReceiver(...replies);
      receivers.push(receiver);
      return receiver;
    },

    /** A file with its bytes, under a name that Kiln gives. */
    async newFile(blobId: string, different: Partial<StoredFile>): Promise<StoredFile> {
      const info = await blobs.write(blobId, Readable.from([PNG]), { maxBytes: PNG.length });
      const file = aFile({ blobId, ...info, ...different });
      await collections.files.insertOne(file);
      return file;
    },

    /** Lets fresh processes repair and attempt until every delivery of the owner has ended. */
    async mend({ owner }: Owner): Promise<void> {
      for (let round = 0; ; round += 1) {
        await repairs.deliveries(Date.now() + LATER_MS);
        for (const start of starts.splice(0)) await attempt(start);
        const pending = await collections.deliveries.find({ owner, state: 'pending' }).toArray();
        if (pending.length === 0) return;
        expect(round, `nobody ends ${pending.map(({ _id }) => _id)}`).toBeLessThan(MOST_ROUNDS);
      }
    },

    deliveriesOf: ({ owner }: Owner): Promise<Delivery[]> => collections.deliveries.find({ owner }).toArray(),

    async close() {
      for (const receiver of receivers) await receiver.close();
      await harness.close();
    },
  };
}

/** Each event of this type came at least once, and all of them together under so many ids. */
export function expectReceived(received: readonly ReceivedWebhook[], type: string, ids = 1): void {
  const mine = received.filter(({ body }) => (JSON.parse(body) as { type?: string }).type === type);
  expect(new Set(mine.map(({ headers }) => headers['webhook-id'])).size, type).toBe(ids);
}
