import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import { UNKNOWN_SENDER } from '../../../src/domain/access/client-address.ts';
import { type AccessHarness, ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';
import { anAccountCaller } from '../../support/records.ts';
import { slowness, timeLimit } from '../../support/time-limit.ts';

/** A clock that stands still until it is told to move. */
const clock = { at: Date.UTC(2026, 10, 23, 12) };
const SECOND = 1000;
const CALL = { api: 'graphql' } as const;

let harness: AccessHarness;

beforeAll(async () => {
  harness = await openAccessHarness({ now: () => clock.at, trustedProxies: ['10.0.0.1'] });
});
afterAll(() => harness.close());

async function basicCaller(): Promise<Caller> {
  const { _id } = await harness.newAccount('basic');
  return anAccountCaller({ accountId: _id, plan: 'basic' });
}

const admit = (caller: Caller, sender = UNKNOWN_SENDER, calls = 1) =>
  harness.operations.checkRateLimit(caller, sender, { ...CALL, calls });

/** How many of so many calls, all at once, were let in. */
async function burst(caller: Caller, count: number, sender = UNKNOWN_SENDER): Promise<number> {
  const results = await Promise.allSettled(Array.from({ length: count }, () => admit(caller, sender)));
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'RATE_LIMITED' });
  return results.filter(({ status }) => status === 'fulfilled').length;
}

describe('sixty calls per minute', () => {
  it('let exactly 60 of 500 parallel calls pass', async () => {
    const accepted = await burst(await basicCaller(), 500);
    console.log(`${accepted} of 500 parallel calls passed`);
    expect(accepted).toBe(60);
  });

  it('refuse the 61st of a single caller, until the first has left the window', async () => {
    const caller = await basicCaller();
    for (let call = 1; call <= 60; call += 1) {
      await admit(caller);
      clock.at += 100;
    }
    // The first was 6 s ago, so 54 s are left of its minute.
    await expect(admit(caller)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'The basic plan allows 60 calls per minute, which are used up.',
      hint: 'Wait 54 s, or use a plan with more callsPerMinute.',
      retryAfterSeconds: 54,
    });
    clock.at += 53_999;
    await expect(admit(caller)).rejects.toMatchObject({ retryAfterSeconds: 1 });
    clock.at += 1;
    await admit(caller);
    await expect(admit(caller)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('count many fields of one request as many calls, all or none', async () => {
    const caller = await basicCaller();
    await admit(caller, UNKNOWN_SENDER, 30);
    await admit(caller, UNKNOWN_SENDER, 29);
    await expect(admit(caller, UNKNOWN_SENDER, 2)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await admit(caller);
    await expect(admit(await basicCaller(), UNKNOWN_SENDER, 61)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
  });

  it('are one window for all keys and sessions of an account', async () => {
    const account = await harness.newAccount('basic');
    const keys = await Promise.all(['swapmyfile', 'kiln', 'skyconvert'].map(() => harness.newKey(account)));
    const callers = await Promise.all(keys.map(({ apiKey }) => harness.byKey(apiKey)));
    const [first] = callers;
    const { token } = await harness.operations.createSession(first ?? { kind: 'anonymous' }, 'full', 5);
    const all = [...callers, await harness.byToken(token)];
    const accepted = await Promise.all(all.map((caller) => burst(caller, 50)));
    expect(accepted.reduce((sum, count) => sum + count)).toBe(60);
  });

  it('hold at the edge of the window, under several processes at once', {
    timeout: timeLimit(60_000),
  }, async () => {
    // A minute passes in a second, or as much longer as the server is slower: a few edges are crossed for real.
    const began = performance.now();
    const caller = await basicCaller();
    const passed: number[] = [];
    const hammer = async () => {
      let asked = 0;
      const now = () => {
        asked = clock.at + ((performance.now() - began) * 60) / slowness();
        return asked;
      };
      const { operations, close } = harness.newProcess({ now });
      while (performance.now() - began < 4 * SECOND * slowness()) {
        const outcome = await operations.checkRateLimit(caller, UNKNOWN_SENDER, CALL).catch(() => 'refused');
        if (outcome === undefined) passed.push(asked);
      }
      await close();
    };
    await Promise.all(Array.from({ length: 24 }, hammer));
    const window = await harness.database.collections.windows.findOne({
      _id: `account:${caller.kind === 'account' ? caller.accountId : ''}`,
    });
    const most = mostWithin(passed, 60 * SECOND);
    console.log(
      `${passed.length} calls in 4 minutes of 24 processes, at most ${most} in any rolling one (60 allowed)`,
    );
    expect(window?.dayCount).toBe(passed.length);
    expect(passed.length).toBeGreaterThan(120);
    expect(most).toBeLessThanOrEqual(63);
  });
});

/** The largest number of moments that lie within any stretch of so many milliseconds. */
function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return Math.max(...sorted.map((from, i) => sorted.slice(i).filter((at) => at < from + ms).length));
}

describe('two thousand calls per day', () => {
  it('end with the UTC day, whoever begins the next one', async () => {
    const caller = await basicCaller();
    await admit(caller);
    const filter = { _id: `account:${caller.kind === 'account' ? caller.accountId : ''}` };
    await harness.database.collections.windows.updateOne(filter, { $set: { dayCount: 1999 } });
    clock.at += 61 * SECOND;
    expect(await burst(caller, 20)).toBe(1);
    const midnight = Date.UTC(2026, 10, 24);
    const error = await admit(caller).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      message: 'The basic plan allows 2000 calls per day, which are used up.',
      hint: expect.stringContaining('callsPerDay'),
      retryAfterSeconds: Math.ceil((midnight - clock.at) / SECOND),
    });
    clock.at = midnight;
    expect(await burst(caller, 100)).toBe(60);
    expect(await harness.operations.readUsage(caller, UNKNOWN_SENDER)).toEqual({
      perMinute: 60,
      perDay: 2000,
      usedThisMinute: 60,
      usedToday: 60,
    });
    // Another process whose clock is behind counts into the day that has begun.
    clock.at = midnight - SECOND;
    await expect(admit(caller)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    clock.at = midnight;
  });
});

describe('guests', () => {
  const from = (peer: string, forwardedFor: string | null = null) => ({
    ...UNKNOWN_SENDER,
    peer,
    forwardedFor,
  });
  const guest: Caller = { kind: 'guest', guestId: 'g' };
  const nobody: Caller = { kind: 'anonymous' };

  it('share the window of their address, with and without a token', async () => {
    expect(await burst(guest, 40, from('192.0.2.1'))).toBe(40);
    expect(await burst(nobody, 40, from('::ffff:192.0.2.1'))).toBe(20);
    expect(await burst({ ...guest, guestId: 'h' }, 5, from('192.0.2.2'))).toBe(5);
  });

  it('gain nothing by moving about within their /64', async () => {
    const addresses = Array.from({ length: 80 }, (_, i) => from(`2001:db8:1:2:${i.toString(16)}::7`));
    const accepted = await Promise.all(addresses.map((sender) => burst(nobody, 1, sender)));
    expect(accepted.reduce((sum, count) => sum + count)).toBe(60);
    expect(await burst(nobody, 1, from('2001:db8:1:3::7'))).toBe(1);
  });

  it('gain nothing by inventing X-Forwarded-For, unless a trusted proxy writes it', async () => {
    const invented = Array.from({ length: 70 }, (_, i) => from('192.0.2.9', `198.51.100.${i}`));
    const accepted = await Promise.all(invented.map((sender) => burst(nobody, 1, sender)));
    expect(accepted.reduce((sum, count) => sum + count)).toBe(60);
    // The left part is still the client's invention when the proxy has added what it saw.
    const proxied = Array.from({ length: 70 }, (_, i) => from('10.0.0.1', `198.51.100.${i}, 203.0.113.5`));
    const behind = await Promise.all(proxied.map((sender) => burst(nobody, 1, sender)));
    expect(behind.reduce((sum, count) => sum + count)).toBe(60);
    expect(await burst(nobody, 1, from('10.0.0.1', '203.0.113.6'))).toBe(1);
  });
});

describe('a plan that changes', () => {
  it('keeps the calls that were made, in both directions', async () => {
    const caller = await basicCaller();
    expect(await burst(caller, 70)).toBe(60);
    await harness.operations.editPlan(ADMIN, 'basic', { callsPerMinute: 90 });
    expect(await burst(caller, 100)).toBe(30);
    clock.at += 61 * SECOND;
    expect(await burst(caller, 50)).toBe(50);
    await harness.operations.editPlan(ADMIN, 'basic', { callsPerMinute: 40 });
    expect(await burst(caller, 10)).toBe(0);
    clock.at += 61 * SECOND;
    expect(await burst(caller, 100)).toBe(40);
    await harness.operations.editPlan(ADMIN, 'basic', { callsPerMinute: null });
    expect(await burst(caller, 100)).toBe(100);
    await harness.operations.editPlan(ADMIN, 'basic', { callsPerMinute: 60 });
  });

  it('counts nothing where nothing is limited', async () => {
    const { _id } = await harness.newAccount('pro');
    expect(await burst(anAccountCaller({ accountId: _id }), 200)).toBe(200);
    expect(await harness.database.collections.windows.findOne({ _id: `account:${_id}` })).toBeNull();
  });
});
