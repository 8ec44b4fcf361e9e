import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { batchJob } from '../../workflows/batch-job.ts';
import type { conversionJob } from '../../workflows/conversion-job.ts';
import type { BatchNudge } from '../../workflows/messages.ts';
import { ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { summaryOf } from '../../workflows/summary.ts';
import type { webhookDelivery } from '../../workflows/webhook-delivery.ts';
import { workflowId } from '../domain/derived-ids.ts';
import { KilnError } from '../domain/errors.ts';
import type { BatchStart, JobStart, WorkflowRunner } from '../operations/workflow-runner.ts';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';
import { explainTemporalError } from './temporal-error.ts';

/** Time for an answer, after which Temporal counts as unavailable. */
const RPC_TIMEOUT_MS = 10_000;

/** Implements the port on Temporal. Workflow ids are derived, so every call may be repeated. */
export function createWorkflowRunner(
  { client, connection, namespace }: Temporal,
  queuePrefix: string,
): WorkflowRunner {
  const queues = queuesOf(queuePrefix);

  function options(start: JobStart) {
    return {
      workflowId: workflowId.job(start.jobId),
      taskQueue: queues.jobs,
      args: [start] as [JobStart],
      workflowIdConflictPolicy: 'USE_EXISTING',
      // A workflow that was terminated by hand may run again. One that completed has recorded the job's end: a
      // call delayed by an outage must not start it again, to wait for an upload that came long ago.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      staticSummary: summaryOf(start.title),
      staticDetails: `Job \`${start.jobId}\` of ${start.owner}`,
      priority: priorityOf(start),
      typedSearchAttributes: new TypedSearchAttributes([
        { key: ATTRIBUTES.owner, value: start.owner },
        { key: ATTRIBUTES.source, value: start.source },
        { key: ATTRIBUTES.target, value: start.target },
        { key: ATTRIBUTES.stage, value: start.uploadDeadline === null ? 'converting' : 'waiting for upload' },
      ]),
    } as const;
  }

  function batchOptions(start: BatchStart) {
    return {
      workflowId: workflowId.batch(start.batchId),
      taskQueue: queues.jobs,
      args: [start] as [BatchStart],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      staticSummary: summaryOf(start.title),
      staticDetails: `Batch \`${start.batchId}\` of ${start.owner}`,
      priority: priorityOf(start),
      typedSearchAttributes: new TypedSearchAttributes([{ key: ATTRIBUTES.owner, value: start.owner }]),
    } as const;
  }

  return {
    startJob: (start) =>
      call(client, async () => {
        await client.workflow
          .start<typeof conversionJob>('conversionJob', { ...options(start), requestEagerStart: true })
          .catch(unlessOver);
      }),

    uploadCompleted: (start) =>
      call(client, async () => {
        await client.workflow
          .signalWithStart<typeof conversionJob, []>('conversionJob', {
            ...options(start),
            signal: 'uploadArrived',
            signalArgs: [],
          })
          .catch(unlessOver);
      }),

    wakeJob: (jobId) =>
      call(client, async () => {
        await client.workflow.getHandle(workflowId.job(jobId)).signal('uploadArrived').catch(unlessOver);
      }),

    admitJob: (start) =>
      call(client, async () => {
        // Starts the workflow if need be: jobs of batches wait without one, and a crash may have lost any.
        await client.workflow
          .signalWithStart<typeof conversionJob, []>('conversionJob', {
            ...options(start),
            signal: 'admitted',
            signalArgs: [],
          })
          .catch(unlessOver);
      }),

    cancelJob: (start, reason) =>
      call(client, async () => {
        await client.workflow.executeUpdateWithStart('cancel', {
          args: [{ reason }],
          startWorkflowOperation: new WithStartWorkflowOperation<typeof conversionJob>(
            'conversionJob',
            options(start),
          ),
        });
      }),

    startBatch: (start) =>
      call(client, async () => {
        await client.workflow.start<typeof batchJob>('batchJob', batchOptions(start)).catch(unlessOver);
      }),

    signalBatch: (start, request) =>
      call(client, async () => {
        await client.workflow
          .signalWithStart<typeof batchJob, [BatchNudge]>('batchJob', {
            ...batchOptions(start),
            signal: 'nudged',
            signalArgs: [{ wish: request }],
          })
          .catch(unlessOver);
      }),

    startDelivery: ({ fairnessKey, title, ...input }) =>
      call(client, async () => {
        await client.workflow.start<typeof webhookDelivery>('webhookDelivery', {
          workflowId: workflowId.delivery(input.deliveryId),
          taskQueue: queues.webhook,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          // Needed to replay an ended delivery, which has the same id.
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: summaryOf(title),
          priority: { priorityKey: 3, fairnessKey: fairnessKey.slice(0, 64) },
          requestEagerStart: true,
        });
      }),

    wakeDelivery: (deliveryId) =>
      call(client, async () => {
        try {
          await client.workflow.getHandle(workflowId.delivery(deliveryId)).signal('wake');
          return true;
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return false;
          throw error;
        }
      }),

    ping: () =>
      call(client, async () => {
        await connection.workflowService.describeNamespace({ namespace });
        const { pollers } = await connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: queues.jobs },
          taskQueueType: 1,
        });
        if (pollers.length === 0) throw new KilnError('UNAVAILABLE', 'No worker is running.');
      }),
  };
}

/** Returns the priority: single jobs before batches; owners share by the weights of their plans. */
function priorityOf({ owner, batchId, weight = 1 }: { owner: string; batchId?: string; weight?: number }) {
  return {
    priorityKey: batchId === undefined ? 3 : 5,
    fairnessKey: owner.slice(0, 64),
    fairnessWeight: Math.min(weight, 1000),
  };
}

/** Ignores the errors that say that a workflow has ended; throws any other. */
function unlessOver(error: unknown): void {
  const isOver =
    error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError;
  if (!isOver) throw error;
}

async function call<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + RPC_TIMEOUT_MS, work);
  } catch (error) {
    throw explainTemporalError(error);
  }
}
