import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createConfirmStarts } from '../operations/jobs/confirm-starts.ts';
import { createJobLeases } from '../store/job-leases.ts';
import type { Collections } from '../store/mongo/mongo.ts';
import type { Temporal } from '../temporal/connect.ts';
import { createWorkflowRunner } from '../temporal/runner.ts';

/** What starts and tells workflows, and notes which jobs are in good hands for it. */
export function createRunner(
  collections: Pick<Collections, 'jobs'>,
  temporal: Temporal,
  config: Pick<Config, 'temporal'>,
  log: Log,
) {
  const leases = createJobLeases(collections);
  const runner = createWorkflowRunner(temporal, config.temporal.queuePrefix);
  return { leases, ...createConfirmStarts({ leases, log }, runner) };
}
