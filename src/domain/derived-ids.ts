import { v5 as uuidv5 } from 'uuid';
import { MAX_ENDPOINTS } from './webhooks/endpoint.ts';

// Ids that are made from other ids: whoever does the same once more, after a crash or in another process, comes
// to the same id and finds what was done. They are stored, so none may ever change. Two neighbours: the names
// of blobs are in files/blob-name.ts, and owners are written by ownerKey in jobs/job.ts.

/** The id of the n-th job of a batch (from 0, at most 4095): the jobs sort by their places. */
export function jobIdInBatch(batchId: string, index: number): string {
  return siblingId(batchId, 'job', index);
}

/** The id of the upload that comes into being together with a job. */
export function uploadIdOf(jobId: string): string {
  return siblingId(jobId, 'upload', 0);
}

/** The id of the file that is a job's n-th output. */
export function outputFileId(jobId: string, index: number): string {
  return uuidv5(`output-${index}`, jobId);
}

/** The id of the file with all results of a batch. */
export function archiveFileId(batchId: string): string {
  return uuidv5('archive', batchId);
}

/** The id of the delivery of a job's callback. */
export function callbackId(jobId: string): string {
  return uuidv5('callback', jobId);
}

/** What can be sent to an endpoint once: `cause` tells apart what happens to one subject several times. */
export interface EventIdentity {
  type: string;
  subjectId: string;
  cause?: string | undefined;
}

/** The id of the delivery of an event to an endpoint. */
export function eventDeliveryId(endpointId: string, { type, subjectId, cause }: EventIdentity): string {
  return uuidv5([type, subjectId, ...(cause === undefined ? [] : [cause])].join(':'), endpointId);
}

/** The id of a movement of credits; `run` tells apart the times that a job was charged. */
export function ledgerEntryId(jobId: string, kind: string, run: string): string {
  return `${jobId}:${kind}:${run}`;
}

/** The places of an account's endpoints: as many as it may have, and each is taken once. */
export function endpointSlots(accountId: string): string[] {
  return Array.from({ length: MAX_ENDPOINTS }, (_, index) => `${accountId}:${index}`);
}

/** Workflow ids: Temporal refuses to start the same work twice. */
export const workflowId = {
  job: (jobId: string) => `job:${jobId}`,
  batch: (batchId: string) => `batch:${batchId}`,
  /** Also written by hand in workflows/conversion-job.ts, which may not import a value from here. */
  delivery: (deliveryId: string) => `delivery:${deliveryId}`,
} as const;

/** Like the parent's id (a UUID version 7) it sorts by creation time. */
function siblingId(parentId: string, name: string, index: number): string {
  const moment = parentId.slice(0, '01234567-89ab-'.length);
  const order = index.toString(16).padStart(3, '0');
  const rest = uuidv5(`${name}:${index}`, parentId).slice('01234567-89ab-5def-'.length);
  return `${moment}7${order}-${rest}`;
}
