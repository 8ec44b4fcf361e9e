import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type Fakes,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const SMALL = { uploadDeadline: null, size: 1000 };

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** Runs a small job to its end. @returns how it ended and where its conversion was tried. */
async function run(fakes: Fakes = {}) {
  const { start, handle, calls, ends } = await harness.job(fakes, SMALL);
  await harness.runner.startJob(start);
  const { status } = await handle.result();
  const tries = calls.filter(({ name }) => name === 'convertSmallFile');
  return { status, ends: ends(), tries: tries.map(({ queue, local }) => [queue, local]) };
}

describe('a small job', () => {
  it('is converted within the workflow task', async () => {
    expect(await run()).toEqual({
      status: 'ready',
      ends: [{ to: 'ready', outputs: [CONVERTED] }],
      tries: [['jobs', true]],
    });
  });

  it('is converted by an activity after an error that may pass', async () => {
    let first = true;
    const convertSmallFile = async () => {
      if (!first) return CONVERTED;
      first = false;
      throw new KilnError('ENGINE_CRASHED', 'The engine stopped.');
    };
    expect(await run({ convertSmallFile })).toMatchObject({
      status: 'ready',
      tries: [
        ['jobs', true],
        ['image', false],
      ],
    });
  });

  it('goes its usual way when it takes too long', async () => {
    let first = true;
    const convertSmallFile = async () => {
      if (first) {
        first = false;
        await sleep(5000);
      }
      return CONVERTED;
    };
    expect(await run({ convertSmallFile })).toMatchObject({
      status: 'ready',
      tries: [
        ['jobs', true],
        ['image', false],
      ],
    });
  });

  it('is not tried again when the file is at fault', async () => {
    const convertSmallFile = async () => {
      throw new KilnError('CORRUPT_INPUT', 'The file is damaged.');
    };
    expect(await run({ convertSmallFile })).toEqual({
      status: 'failed',
      ends: [{ to: 'failed', fault: { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } }],
      tries: [['jobs', true]],
    });
  });
});
