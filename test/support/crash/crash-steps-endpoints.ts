import { expect } from 'vitest';
import { expectTold } from './crash-steps-bench.ts';
import { announced, expectStates, type NewStep, written } from './crash-steps-webhooks.ts';

/** What is done with endpoints and with what they were sent. */
export const ENDPOINT_STEPS: Record<string, NewStep> = {
  'replay deliveries': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 200);
    for (let i = 0; i < 2; i += 1) await announced(bench, owner)();
    await bench.mend(owner);
    const since = new Date(Date.now() - 60_000);
    const work = () => bench.webhooks.replayDeliveries(owner.caller, { since, failedOnly: false });
    const holds = async () => {
      expect(received.length).toBeGreaterThanOrEqual(4);
      expectTold(received, 'job.ready', 2);
      await expectStates(bench, owner, 'delivered');
    };
    return { work, afterwards: async (died) => died && work(), holds };
  },
  'delete an endpoint': async (bench, owner) => {
    const { id } = await bench.newEndpoint(owner, ['*'], 200);
    await bench.webhooks.pauseEndpoint(owner.caller, id);
    const { _id } = await written(bench, owner);
    await bench.attempt({ deliveryId: _id, attempt: 1, fairnessKey: '', title: '' });
    const work = () => bench.webhooks.deleteEndpoint(owner.caller, id);
    // Before anything was written the caller has to ask again; afterwards it is gone.
    const afterwards = async () => {
      if (await bench.collections.endpoints.findOne({ _id: id })) await work();
    };
    return { work, afterwards, holds: () => expectStates(bench, owner, 'discarded') };
  },
  'resume an endpoint': async (bench, owner) => {
    const { id, received } = await bench.newEndpoint(owner, ['*'], 200);
    await bench.webhooks.pauseEndpoint(owner.caller, id);
    const { _id } = await written(bench, owner);
    await bench.attempt({ deliveryId: _id, attempt: 1, fairnessKey: '', title: '' });
    const work = () => bench.webhooks.resumeEndpoint(owner.caller, id);
    const afterwards = async () => {
      const { state } = await bench.webhooks.findEndpoint(owner.caller, id);
      if (state === 'paused') await work();
    };
    const holds = async () => {
      expectTold(received, 'job.ready');
      await expectStates(bench, owner, 'delivered');
    };
    return { work, afterwards, holds };
  },
  'repair deliveries': async (bench, owner) => {
    const { received } = await bench.newEndpoint(owner, ['*'], 200);
    for (let i = 0; i < 3; i += 1) await announced(bench, owner)();
    bench.takeStarts();
    const holds = async () => {
      expectTold(received, 'job.ready', 3);
      await expectStates(bench, owner, 'delivered');
    };
    return { work: () => bench.webhooks.repairDeliveries(Date.now() + 60_000), holds };
  },
};
