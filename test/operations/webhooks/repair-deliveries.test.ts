import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { createRepairDeliveries } from '../../../src/operations/webhooks/repair-deliveries.ts';
import { createDeliveryChecks } from '../../../src/store/delivery-checks.ts';
import { createEndpointRepository } from '../../../src/store/endpoints.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { openReceiver } from '../../support/servers/webhook-receiver.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

let harness: ActivityHarness;
beforeAll(async () => {
  harness = await createActivityHarness();
});
afterAll(() => harness.close());

it('the repair round starts what a crash left between document and workflow, and wakes what waits for nothing', async () => {
  const account = newWebhookAccount(harness);
  const receiver = await openReceiver(200);
  const { id } = await account.endpoint(receiver.url);
  const [lost] = await account.emit();
  const [, held] = await account.emit();
  await harness.operations.pauseEndpoint(account.actor, id);
  await account.attempt(held?._id ?? '');
  const [started, woken] = [[] as string[], [] as string[]];
  const { repairDeliveries } = createRepairDeliveries({
    deliveries: createDeliveryChecks(harness.collections),
    endpoints: createEndpointRepository(harness.collections),
    runner: {
      startDelivery: async ({ deliveryId }) => void started.push(deliveryId),
      wakeDelivery: async (deliveryId) => woken.push(deliveryId) > 0,
    },
    log: createLog('silent'),
  });
  await repairDeliveries();
  // Whoever wrote it a moment ago is about to send it; what is paused stays so.
  expect(started).not.toContain(lost?._id);
  expect(woken).not.toContain(held?._id);
  await harness.collections.endpoints.updateOne({ _id: id }, { $set: { state: 'enabled' } });
  await repairDeliveries(Date.now() + 60_000);
  expect(started).toContain(lost?._id);
  expect(woken).toContain(held?._id);
  // Its workflow was ended by hand: nothing is as late as that by itself.
  await repairDeliveries(Date.now() + 4 * 3_600_000);
  expect(started).toContain(held?._id);
  await receiver.close();
});
