import type { Caller } from '../../domain/access/account.ts';
import { type AccountPlan, accessRefusal, refuse } from '../../domain/access/account-plan.ts';
import { addressBucket, type Sender } from '../../domain/access/client-address.ts';
import {
  dayOf,
  type Exhausted,
  exhaustedBy,
  freshWindow,
  type Quota,
  resizedHits,
  type Usage,
  usageOf,
} from '../../domain/access/rate-window.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { KilnError } from '../../domain/errors.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import type { WindowRepository } from '../../store/windows.ts';

export interface CheckRateLimitPorts {
  windows: WindowRepository;
  planOf(caller: Caller): Promise<AccountPlan>;
  addressOf(sender: Sender): string | null;
  now?: () => number;
}

/** The API that a call uses, and how many it counts for. */
export interface Call {
  api: Dialect;
  calls?: number;
}

/** A window may have to be made, turned to a new day and resized, each against others who do the same. */
const ATTEMPTS = 10;

/** Counts calls by whichever API: refuses what the plan does not include, and what comes too often. */
export function createCheckRateLimit({ windows, planOf, addressOf, now = Date.now }: CheckRateLimitPorts) {
  /** Whom limits count for: all keys and sessions of an account together, all guests of an address. */
  function concurrencyKeyOf(caller: Caller, sender: Sender): string {
    return caller.kind === 'account' ? ownerKey(caller) : `address:${addressBucket(addressOf(sender) ?? '')}`;
  }

  /** Makes the window what a hit expects to find; says why not when it already is and has no room. */
  async function prepareWindow(
    id: string,
    quota: Quota,
    calls: number,
    at: number,
  ): Promise<Exhausted | null> {
    const window = await windows.find(id);
    const size = quota.perMinute ?? 0;
    if (!window) await windows.insertIfAbsent(freshWindow(id, quota, at));
    else if (window.size !== size) await windows.resize(window, resizedHits(window, size));
    else if (window.day < dayOf(at)) await windows.beginDay(id, dayOf(at));
    else return exhaustedBy(window, quota, calls, at);
    return null;
  }

  async function countCalls(id: string, quota: Quota, calls: number): Promise<Exhausted | null> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const at = now();
      if (await windows.hit(id, quota, calls, at)) return null;
      const exhausted = await prepareWindow(id, quota, calls, at);
      if (exhausted) return exhausted;
    }
    return { limit: 'minute', seconds: 1 };
  }

  return {
    /** @throws KilnError FORBIDDEN by the plan, or RATE_LIMITED with the seconds to wait. */
    async checkRateLimit(caller: Caller, sender: Sender, { api, calls = 1 }: Call): Promise<void> {
      const plan = await planOf(caller);
      const refusal = accessRefusal(plan, { caller, api });
      if (refusal) throw refuse(refusal);
      const quota = quotaOf(plan);
      if (quota.perMinute === null && quota.perDay === null) return;
      const exhausted = await countCalls(concurrencyKeyOf(caller, sender), quota, calls);
      if (exhausted) throw limited(plan, exhausted);
    },

    concurrencyKeyOf,

    /** What was used so far; looking does not count. */
    async readUsage(caller: Caller, sender: Sender): Promise<Usage> {
      const quota = quotaOf(await planOf(caller));
      return usageOf(await windows.find(concurrencyKeyOf(caller, sender)), quota, now());
    },
  };
}

function quotaOf({ callsPerMinute, callsPerDay }: AccountPlan): Quota {
  return { perMinute: callsPerMinute, perDay: callsPerDay };
}

function limited(plan: AccountPlan, { limit, seconds }: Exhausted): KilnError {
  const term = limit === 'minute' ? 'callsPerMinute' : 'callsPerDay';
  const message = `The ${plan._id} plan allows ${plan[term]} calls per ${limit}, which are used up.`;
  return new KilnError('RATE_LIMITED', message, {
    retryAfterSeconds: seconds,
    hint: `Wait ${seconds} s, or use a plan with more ${term}.`,
  });
}
