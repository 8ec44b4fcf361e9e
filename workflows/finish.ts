import { log, ParentClosePolicy, startChild, upsertSearchAttributes } from '@temporalio/workflow';
import type { JobEnd } from '../activities/record.ts';
import type { JobStatus } from '../src/domain/jobs/job.ts';
import type { JobStart } from '../src/operations/workflow-runner.ts';
import { show } from './details.ts';
import { discardFiles, prepareCallback, recordEnd, settleCredits } from './proxies.ts';
import { ATTRIBUTES } from './search-attributes.ts';
import { storedErrorOf } from './stored-error.ts';
import { summaryOf } from './summary.ts';
import { webhookDelivery } from './webhook-delivery.ts';

/**
 * Writes the end, then does what follows from it. A fault of ours in one of the steps that follow keeps none of
 * the others from being done; the workflow then fails with the first such fault, for operators to see.
 */
export async function finish(start: JobStart, end: JobEnd, charged: boolean): Promise<JobStatus> {
  const { jobId } = start;
  const errors: unknown[] = [];
  const attempt = (step: Promise<void>) =>
    step.catch((reason: unknown) => {
      errors.push(reason);
      log.error('a step after the end of a job was not done', { error: storedErrorOf(reason) });
    });
  const { status, written } = await writeEnd(jobId, end);
  if (charged) await attempt(settleCredits({ jobId }));
  if (status !== 'ready') await attempt(discardFiles({ jobId }));
  const engine =
    written.to === 'ready' ? written.outputs.map((output) => output.engine).join(', ') : undefined;
  const error = written.to === 'ready' ? undefined : written.fault;
  show(start, status, { engine, error });
  upsertSearchAttributes([
    { key: ATTRIBUTES.stage, value: status },
    ...(engine ? [{ key: ATTRIBUTES.engine, value: engine }] : []),
    ...(error ? [{ key: ATTRIBUTES.error, value: error.code }] : []),
  ]);
  if (start.hasCallback) await attempt(startCallback(jobId));
  if (errors.length > 0) throw errors[0];
  return status;
}

/**
 * Writes how the job ended. A result that a fault of ours keeps from being written becomes that fault, which is
 * a smaller write: the job fails with INTERNAL, rather than being converted again for ever.
 * @throws what kept even that from being written. The repair then starts the job again, ever less often.
 */
async function writeEnd(jobId: string, end: JobEnd): Promise<{ status: JobStatus; written: JobEnd }> {
  try {
    return { status: await recordEnd({ jobId, end }), written: end };
  } catch (error) {
    const fault = storedErrorOf(error);
    log.error('the end of a job could not be written', { end: end.to, error: fault });
    if (end.to !== 'ready' || fault.code !== 'INTERNAL') throw error;
    return writeEnd(jobId, { to: 'failed', fault });
  }
}

/** Starts the delivery, which outlives this workflow. Does nothing if an earlier run has started it. */
async function startCallback(jobId: string): Promise<void> {
  const { deliveryId, event, url } = await prepareCallback({ jobId });
  try {
    await startChild(webhookDelivery, {
      workflowId: `delivery:${deliveryId}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [{ deliveryId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: summaryOf(`${event} → ${url}`),
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError')) throw error;
  }
}
