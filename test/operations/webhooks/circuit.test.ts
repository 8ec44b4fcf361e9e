import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { openReceiver } from '../../support/servers/webhook-receiver.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let harness: ActivityHarness;
let receiver: Awaited<ReturnType<typeof openReceiver>>;
beforeAll(async () => {
  harness = await createActivityHarness();
});
afterEach(async () => {
  vi.useRealTimers();
  await receiver.close();
});
afterAll(() => harness.close());

const travel = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** An endpoint that answers like this, with as many deliveries as a test needs. */
async function endpointWith(count: number, ...replies: Parameters<typeof openReceiver>) {
  receiver = await openReceiver(...replies);
  const account = newWebhookAccount(harness);
  const { id } = await account.endpoint(receiver.url);
  for (let i = 0; i < count; i += 1) await account.emit();
  const ids = (await account.deliveries()).map(({ _id }) => _id);
  vi.useFakeTimers({ toFake: ['Date'] });
  return { account, id, ids, circuit: async () => (await account.find(id)).circuit };
}

/** Ten failures, whichever deliveries have them. */
async function opened(count = 12, ...replies: Parameters<typeof openReceiver>) {
  const setting = await endpointWith(count, ...(replies.length > 0 ? replies : [500 as const]));
  for (const id of setting.ids.slice(0, 10)) await setting.account.attempt(id);
  return setting;
}

describe('a pause', () => {
  it('keeps what comes and sends it afterwards', async () => {
    const { account, id, ids } = await endpointWith(1, 200);
    await harness.operations.pauseEndpoint(account.actor, id);
    await account.emit();
    const all = (await account.deliveries()).map(({ _id }) => _id);
    expect(all).toHaveLength(2);
    for (const one of all)
      expect(await account.attempt(one)).toMatchObject({ outcome: 'held', answer: 'paused' });
    expect(receiver.received).toHaveLength(0);
    expect(await harness.deliveries.get(ids[0] ?? '')).toMatchObject({ hold: 'paused', attempts: [] });
    await harness.operations.resumeEndpoint(account.actor, id);
    expect(harness.woken).toEqual(expect.arrayContaining(all));
    for (const one of all) expect(await account.attempt(one)).toMatchObject({ outcome: 'delivered' });
    expect(await harness.deliveries.get(ids[0] ?? '')).toMatchObject({ hold: null, state: 'delivered' });
  });

  it('of a deleted endpoint has nothing to wait for', async () => {
    const { account, id, ids } = await endpointWith(1, 200);
    await harness.operations.pauseEndpoint(account.actor, id);
    await account.attempt(ids[0] ?? '');
    await harness.operations.deleteEndpoint(account.actor, id);
    expect(harness.woken).toContain(ids[0]);
    expect(await account.attempt(ids[0] ?? '')).toMatchObject({ outcome: 'discarded' });
    expect(await harness.deliveries.get(ids[0] ?? '')).toMatchObject({ state: 'discarded' });
    expect(receiver.received).toHaveLength(0);
  });
});

describe('a circuit', () => {
  it('opens after ten failures in a row and lets nothing through for a minute', async () => {
    const { account, ids, circuit } = await opened();
    expect(await circuit()).toMatchObject({ failures: 10, probeAt: new Date(Date.now() + MINUTE) });
    const held = await account.attempt(ids[10] ?? '');
    expect(held).toMatchObject({ outcome: 'held', answer: 'circuit' });
    expect('delayMs' in held && held.delayMs).toBeGreaterThanOrEqual(MINUTE - 1);
    expect(receiver.received).toHaveLength(10);
    expect(await harness.deliveries.get(ids[10] ?? '')).toMatchObject({ hold: 'circuit', attempts: [] });
  });

  it('lets one delivery at a time find out, and waits twice as long after each that failed, up to an hour', async () => {
    const { account, ids, circuit } = await opened(30);
    const waits: number[] = [];
    for (const [i, id] of ids.slice(10, 18).entries()) {
      travel(Number((await circuit()).probeAt) - Date.now());
      // Two come at the same moment: one of them is sent.
      const two = await Promise.all([account.attempt(id), account.attempt(ids[20 + i] ?? '')]);
      expect(two.map(({ outcome }) => outcome).toSorted()).toEqual(['held', 'retry']);
      expect(receiver.received).toHaveLength(11 + i);
      waits.push(Number((await circuit()).probeAt) - Date.now());
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60].map((minutes) => minutes * MINUTE));
  });

  it('closes with the first success and wakes what waits', async () => {
    const { account, ids, circuit } = await opened();
    await account.attempt(ids[11] ?? '');
    receiver.answerWith(200);
    travel(MINUTE);
    expect(await account.attempt(ids[10] ?? '')).toMatchObject({ outcome: 'delivered' });
    expect(await circuit()).toMatchObject({ failures: 0, failingSince: null, probeAt: null });
    expect(harness.woken).toContain(ids[11]);
    expect(await account.attempt(ids[11] ?? '')).toMatchObject({ outcome: 'delivered' });
  });

  it('lets another delivery probe after the sender of a probe died', async () => {
    const { account, ids, id, circuit } = await opened();
    travel(MINUTE);
    const probing = { ...(await circuit()), probing: ids[10] ?? '', probeAt: new Date(Date.now() + MINUTE) };
    await harness.collections.endpoints.updateOne({ _id: id }, { $set: { circuit: probing } });
    expect(await account.attempt(ids[11] ?? '')).toMatchObject({ outcome: 'held' });
    travel(MINUTE);
    expect(await account.attempt(ids[11] ?? '')).toMatchObject({ outcome: 'retry' });
  });

  it('that stays open for five days disables the endpoint; a resume begins anew', async () => {
    const { account, ids, id } = await opened();
    const other = await openReceiver(200);
    const hearing = await account.endpoint(other.url, ['endpoint.disabled']);
    travel(5 * DAY);
    await account.attempt(ids[10] ?? '');
    expect(await account.find(id)).toMatchObject({ state: 'disabled', disabledFor: 'failing' });
    expect(await harness.deliveries.get(ids[11] ?? '')).toMatchObject({ state: 'failed' });
    const emitted = await account.deliveries({ endpointId: hearing.id });
    expect(emitted.map(({ body }) => JSON.parse(body).data.reason)).toEqual(['failing']);
    // What comes meanwhile is kept for a replay.
    const since = new Date();
    await account.emit();
    const missed = (await account.deliveries({ endpointId: id })).slice(-1);
    expect(missed).toMatchObject([{ state: 'failed', attempts: [] }]);
    await expect(
      harness.operations.replayDelivery(account.actor, missed[0]?._id ?? ''),
    ).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    await expect(harness.operations.pauseEndpoint(account.actor, id)).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    receiver.answerWith(200);
    expect(await harness.operations.resumeEndpoint(account.actor, id)).toMatchObject({
      state: 'enabled',
      disabledFor: null,
      circuit: { failures: 0, probeAt: null },
    });
    const again = { since, failedOnly: true, endpointId: id };
    expect(await harness.operations.replayDeliveries(account.actor, again)).toMatchObject({ replayed: 1 });
    expect(await account.attempt(missed[0]?._id ?? '')).toMatchObject({ outcome: 'delivered' });
    await other.close();
  });
});
