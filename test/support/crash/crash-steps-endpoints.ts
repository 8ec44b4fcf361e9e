import { expect } from 'vitest';
import { expectReceived } from './crash-steps-harness.ts';
import { emitting, expectStates, type NewStep, written } from './crash-steps-webhooks.ts';

/** What is done with endpoints and with what they were sent. */
export const ENDPOINT_STEPS: Record<string, NewStep> = {
  'replay deliveries': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 200);
    for (let i = 0; i < 2; i += 1) await emitting(harness, owner)();
    await harness.mend(owner);
    const since = new Date(Date.now() - 60_000);
    const work = () => harness.operations.replayDeliveries(owner.caller, { since, failedOnly: false });
    const holds = async () => {
      expect(received.length).toBeGreaterThanOrEqual(4);
      expectReceived(received, 'job.ready', 2);
      await expectStates(harness, owner, 'delivered');
    };
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'delete an endpoint': async (harness, owner) => {
    const { id } = await harness.newEndpoint(owner, ['*'], 200);
    await harness.operations.pauseEndpoint(owner.caller, id);
    const { _id } = await written(harness, owner);
    await harness.attempt({ deliveryId: _id, attempt: 1, fairnessKey: '', title: '' });
    const work = () => harness.operations.deleteEndpoint(owner.caller, id);
    // Before anything was written the caller has to ask again; afterwards it is gone.
    const afterwards = async () => {
      if (await harness.collections.endpoints.findOne({ _id: id })) await work();
    };
    return { work, afterwards, holds: () => expectStates(harness, owner, 'discarded') };
  },
  'resume an endpoint': async (harness, owner) => {
    const { id, received } = await harness.newEndpoint(owner, ['*'], 200);
    await harness.operations.pauseEndpoint(owner.caller, id);
    const { _id } = await written(harness, owner);
    await harness.attempt({ deliveryId: _id, attempt: 1, fairnessKey: '', title: '' });
    const work = () => harness.operations.resumeEndpoint(owner.caller, id);
    const afterwards = async () => {
      const { state } = await harness.operations.findEndpoint(owner.caller, id);
      if (state === 'paused') await work();
    };
    const holds = async () => {
      expectReceived(received, 'job.ready');
      await expectStates(harness, owner, 'delivered');
    };
    return { work, afterwards, holds };
  },
  'repair deliveries': async (harness, owner) => {
    const { received } = await harness.newEndpoint(owner, ['*'], 200);
    for (let i = 0; i < 3; i += 1) await emitting(harness, owner)();
    harness.takeStarts();
    const holds = async () => {
      expectReceived(received, 'job.ready', 3);
      await expectStates(harness, owner, 'delivered');
    };
    return { work: () => harness.repairs.deliveries(Date.now() + 60_000), holds };
  },
};
