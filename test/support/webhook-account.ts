import type { Actor } from '../../src/domain/access/account.ts';
import { newId } from '../../src/domain/id.ts';
import type { ActivityHarness } from './harness/activity-harness.ts';
import { anAccountCaller } from './records.ts';

/** An account of its own with everything that a test does to its operations. */
export function newWebhookAccount(harness: ActivityHarness, plan = 'pro') {
  const accountId = newId();
  const owner = `account:${accountId}`;
  const actor: Actor = anAccountCaller({ accountId, plan });
  const { operations } = harness;
  const started = () => harness.started.filter(({ fairnessKey }) => mine.has(fairnessKey));
  const mine = new Set<string>();

  return {
    accountId,
    owner,
    actor,
    started,

    async endpoint(url: string, events: string[] = ['*']) {
      const made = await operations.createEndpoint(actor, { url, events, description: '' });
      mine.add(made.endpoint._id);
      return { id: made.endpoint._id, secret: made.secret };
    },

    /** Something happened; with the deliveries that follow, oldest first. */
    async emit(type: Parameters<ActivityHarness['emit']>[0]['type'] = 'job.ready', subjectId = newId()) {
      await harness.emit({ owner, type, subjectId, data: { id: subjectId } });
      return this.deliveries();
    },

    /** All of them, or those to one endpoint, oldest first. */
    async deliveries(of: { endpointId?: string } = {}) {
      const listed = await operations.listDeliveries(actor, { after: '0', limit: 100, ...of });
      return Promise.all(listed.map(({ _id }) => operations.findDelivery(actor, _id)));
    },

    /** What its workflow would do at its turn. */
    attempt: (deliveryId: string, attempt = 1, holds = 0) =>
      harness.run('attemptDelivery', { deliveryId, attempt, holds }),

    find: (id: string) => operations.findEndpoint(actor, id),
  };
}
