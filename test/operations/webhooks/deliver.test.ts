import { expect, it } from 'vitest';
import { createDeliver, type DeliverPorts } from '../../../src/operations/webhooks/deliver.ts';
import { aDelivery, anEndpoint } from '../../support/records.ts';

/** An attempt on an endpoint that has no free slot. */
async function whileBusy(request: { holds?: number }) {
  const notes: unknown[] = [];
  const endpoint = anEndpoint();
  const deliver = createDeliver({
    deliveries: { hold: async (...note: unknown[]) => void notes.push(note) },
    health: { allowRequest: async () => ({ allowed: true }) },
    tryRun: async () => null,
  } as unknown as DeliverPorts);
  const delivery = aDelivery({ endpointId: endpoint._id });
  const outcome = await deliver(delivery, { attempt: 1, endpoint, ...request });
  expect(notes).toEqual([[delivery._id, 'busy', expect.any(Date)]]);
  return outcome;
}

it.each([
  [{}, 250, 500],
  [{ holds: 1 }, 500, 1000],
  [{ holds: 3 }, 2000, 4000],
  [{ holds: 50 }, 30_000, 60_000],
])(
  'a busy endpoint is asked again later and later, for at most a minute: %j',
  async (request, least, most) => {
    const { outcome, answer, delayMs } = (await whileBusy(request)) as Record<string, unknown>;
    expect([outcome, answer]).toEqual(['held', 'busy']);
    expect(delayMs).toBeGreaterThanOrEqual(least);
    expect(delayMs).toBeLessThanOrEqual(most);
  },
);
