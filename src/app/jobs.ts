import { createWorkOrder } from '../converters/work-order.ts';
import { createAdmissions } from '../operations/jobs/admissions.ts';
import { createCancelJob } from '../operations/jobs/cancel-job.ts';
import { createFindJobs } from '../operations/jobs/find-jobs.ts';
import { createOnce } from '../operations/jobs/once.ts';
import { createRepairAdmissions } from '../operations/jobs/repair-admissions.ts';
import { createRepairJobs } from '../operations/jobs/repair-jobs.ts';
import { createSubmitJob } from '../operations/jobs/submit-job.ts';
import { createWatchJob } from '../operations/jobs/watch-job.ts';
import type { Access } from './access.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Webhooks } from './webhooks.ts';

export type Jobs = ReturnType<typeof jobsSlice>;

type Limits = Pick<Access, 'concurrencyOf' | 'concurrencyKeyOf'> & {
  operations: Pick<Access['operations'], 'planOf'>;
};

/** Everything about single jobs: how they are accepted, admitted, converted, found, watched and cancelled. */
export function jobsSlice(
  shared: Infrastructure,
  { concurrencyOf, concurrencyKeyOf, operations: { planOf } }: Limits,
  { emittingSubmit }: Pick<Webhooks, 'emittingSubmit'>,
) {
  const { jobs, converters, config } = shared;
  const { openUploads, uploadBytes } = config.limits;
  const admissions = createAdmissions({ ...shared, concurrencyOf, openUploads });
  const submission = {
    ...shared,
    runner: shared.notifier,
    admissions,
    once: createOnce(shared),
    limits: { uploadBytes, uploadMs: config.retention.uploadMs },
    planOf,
    concurrencyKeyOf,
  };
  const finding = createFindJobs(shared);

  return {
    /** What jobs are accepted with, alone or together, with a file or before it. */
    submission,
    operations: {
      submitJob: emittingSubmit(createSubmitJob(submission)),
      ...finding,
      cancelJob: createCancelJob({ ...shared, ...finding }),
      ...createWatchJob({ ...shared, ...finding, changes: shared.jobChanges }),
      queuePositionOf: admissions.positionOf,
    },
    activityPorts: {
      jobs,
      admissions,
      converters,
      // One engine stays free for whoever comes alone.
      workOrder: createWorkOrder({ maxConcurrent: Math.max(1, config.concurrency.image - 1) }),
    },
    repairs: {
      jobs: createRepairJobs({ ...shared, admissions }),
      admissions: createRepairAdmissions({ ...shared, admissions, checks: shared.admissionChecks }),
    },
  };
}
