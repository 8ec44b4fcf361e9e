import { readdir, readFile } from 'node:fs/promises';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../../src/temporal/workflow-bundle.ts';
import { bundleFrom, quietRuntime } from '../support/harness/workflow-harness.ts';

const FOLDER = new URL('histories/', import.meta.url);

type Histories = { workflowId: string; history: unknown }[];
let histories: Histories;

beforeAll(async () => {
  quietRuntime();
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json'));
  histories = await Promise.all(
    names.map(async (name) => ({
      workflowId: `job:${name}`,
      history: JSON.parse(await readFile(new URL(name, FOLDER), 'utf8')),
    })),
  );
});

async function replay(bundle: Promise<{ code: string }>, recorded: Histories) {
  const outcomes: { name: string; error: Error | undefined }[] = [];
  const options = { workflowBundle: await bundle };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, recorded))
    outcomes.push({ name: workflowId, error });
  return outcomes;
}

describe('recorded jobs', () => {
  it('of every release go on unharmed under the workflows of today', async () => {
    expect(histories.length).toBeGreaterThanOrEqual(10);
    const outcomes = await replay(bundleWorkflows(), histories);
    expect(outcomes).toHaveLength(histories.length);
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('are broken by a workflow that does things in another order, and the replay says so', async () => {
    const changed = new URL('../support/changed-workflows.ts', import.meta.url);
    const expired = histories.filter(({ workflowId }) => workflowId.endsWith('-expired.json'));
    const [outcome] = await replay(bundleFrom(changed), expired);
    expect(outcome?.error).toBeInstanceOf(DeterminismViolationError);
  });
});
