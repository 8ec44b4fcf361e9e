import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { quietRuntime } from '../harness/workflow-harness.ts';

/** INDEXED_VALUE_TYPE_KEYWORD of Temporal's API. */
const KEYWORD = 2;

/** A Temporal server of its own, in which an hour passes as soon as nobody has anything to do. */
export async function startTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const executable = { type: 'existing-path', path: inject('testServerPath') } as const;
  const env = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  const searchAttributes = Object.fromEntries(Object.values(ATTRIBUTES).map(({ name }) => [name, KEYWORD]));
  await env.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  return env;
}
