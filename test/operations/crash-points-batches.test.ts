import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHARGE_RUN } from '../../src/domain/credits/credits.ts';
import { type CrashHarness, createCrashHarness } from '../support/crash/crash-harness.ts';
import { awaited, dieEverywhere, type Scenarios, scenarioTools } from '../support/crash/crash-scenarios.ts';
import { scenariosOf } from '../support/crash/crash-table.ts';

let harness: CrashHarness;

beforeAll(async () => {
  harness = await createCrashHarness();
});
afterAll(() => harness.close());

const { stored, served, worked, submitting, batching, endedBadly } = scenarioTools(() => harness);

const SCENARIOS: Scenarios = {
  'submit a batch with a key': async (payer) => {
    const jobs = [await stored(payer), awaited, await stored(payer)];
    const request = { dialect: 'graphql', jobs, idempotencyKey: 'mine' } as const;
    const submit = () => harness.submitBatch(payer.caller, request);
    const afterwards = async (died: boolean) => {
      if (died) await submit();
      await harness.cancelAwaited(payer.caller);
    };
    return { dying: served(submit), afterwards, ends: ['ready', 'cancelled'], jobs: [3, 3] };
  },
  'submit a batch': async (payer) => {
    const jobs = [await stored(payer), awaited, await stored(payer)];
    const request = { dialect: 'graphql', jobs, archive: true } as const;
    return {
      dying: served(() => harness.submitBatch(payer.caller, request)),
      afterwards: () => harness.cancelAwaited(payer.caller),
      ends: ['ready', 'cancelled'],
      jobs: [0, 3],
    };
  },
  'cancel a batch': async ({ caller }) => {
    const request = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await harness.submitBatch(caller, request);
    const cancel = () => harness.cancelBatch(caller, batch._id);
    // Before anything was written the caller has to ask again; afterwards nobody has.
    const afterwards = async () => {
      if ((await harness.batches.get(batch._id)).cancelReason === null) await cancel();
    };
    return { dying: served(cancel), afterwards, ends: ['cancelled'], jobs: [2, 2] };
  },
  'retry a batch': async ({ caller }) => {
    const request = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await harness.submitBatch(caller, request);
    await harness.cancelBatch(caller, batch._id);
    await harness.mend(caller.accountId);
    return {
      dying: served(() => harness.retryBatch(caller, batch._id)),
      afterwards: () => harness.cancelAwaited(caller),
      ends: ['cancelled'],
      jobs: [2, 4],
    };
  },
  'hold credits': (payer) => submitting(payer, 'holdCredits'),
  'settle credits': (payer) => submitting(payer, 'settleCredits'),
  'start the jobs of a batch': (payer) => batching(payer, 'startBatchJobs'),
  'record the end of a job in a batch': (payer) => batching(payer, 'recordEnd'),
  'count the jobs of a batch': async (payer) => {
    const jobs = [await stored(payer), await stored(payer)];
    const { batch } = await harness.unheard.submitBatch(payer.caller, { dialect: 'graphql', jobs });
    // As if its process had died before it wrote the second job.
    const [, missing = ''] = batch.jobIds;
    await harness.collections.jobs.deleteOne({ _id: missing });
    const halfWay = { submitting: true, updatedAt: new Date(0) } as const;
    await harness.collections.batches.updateOne({ _id: batch._id }, { $set: halfWay });
    const round = await harness.newRound('batches', payer.accountId);
    return { dying: worked('countBatch', round), ends: ['ready'], jobs: [1, 1] };
  },
  'pack a batch': (payer) => batching(payer, 'packBatch'),
  'end a batch': (payer) => batching(payer, 'endBatch'),
  'cancel the jobs of a batch': async ({ caller }) => {
    const request = { dialect: 'graphql', jobs: [awaited, awaited] } as const;
    const { batch } = await harness.submitBatch(caller, request);
    const cancel = () => harness.cancelBatch(caller, batch._id);
    return { dying: worked('cancelBatchJobs', cancel), ends: ['cancelled'], jobs: [2, 2] };
  },
  'repair jobs': async (payer) => {
    await harness.unheard.submitJob(payer.caller, await stored(payer));
    return { dying: served(await harness.newRound('jobs', payer.accountId)), ends: ['ready'], jobs: [1, 1] };
  },
  'repair batches': async (payer) => {
    const jobs = [await stored(payer), await stored(payer)];
    await harness.unheard.submitBatch(payer.caller, { dialect: 'graphql', jobs });
    return {
      dying: served(await harness.newRound('batches', payer.accountId)),
      ends: ['ready'],
      jobs: [2, 2],
    };
  },
  'repair places': async (payer) => {
    await endedBadly(payer);
    const round = await harness.newRound('admissions', payer.accountId);
    return { dying: served(round), ends: ['cancelled'], jobs: [1, 1] };
  },
  'repair credits': async (payer) => {
    const { _id: jobId } = await endedBadly(payer);
    const { accountId } = payer;
    await harness.credits.hold({ accountId, jobId, run: CHARGE_RUN, amount: 3 });
    return { dying: served(await harness.newRound('credits', accountId)), ends: ['cancelled'], jobs: [1, 1] };
  },
  'grant credits': async ({ accountId }) => {
    const grant = async () => {
      await harness.credits.grant({ accountId, kind: 'monthly', run: '2026-11', amount: 5 });
      await harness.ledger.drain(accountId);
    };
    return { dying: served(grant), afterwards: grant, ends: [], jobs: [0, 0] };
  },
};

describe('a process that dies between any two writes, and is repaired', () => {
  it('covers all that the table of operations and activities leaves to it', () => {
    expect(scenariosOf('batches').filter((name) => !(name in SCENARIOS))).toEqual([]);
  });

  it.each(Object.entries(SCENARIOS))(
    'while it is to %s: every accepted job ends once, and nothing is lost, held or done twice',
    (name, newScenario) => dieEverywhere(harness, name, newScenario),
    300_000,
  );
});
