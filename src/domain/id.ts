import { v5 as uuidv5, v7 as uuidv7, validate } from 'uuid';

/** Time-ordered ids (UUID version 7): sorting by id sorts by creation time. */
export function newId(): string {
  return uuidv7();
}

/** Sorts before every id that was made at this time or later. */
export function earliestId(at: Date): string {
  const milliseconds = Math.max(at.getTime(), 0).toString(16).padStart(12, '0');
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7000-8000-000000000000`;
}

export function isId(value: string): boolean {
  return validate(value);
}

/** The id of what follows from something that has an id: whoever derives it again gets the same. */
export function derivedId(name: string, parentId: string): string {
  return uuidv5(name, parentId);
}

/**
 * The id of the n-th thing that comes into being together with its parent: whoever derives it again gets the
 * same, and like the parent's (a UUID version 7) it sorts by creation time. `index` is at most 4095.
 */
export function siblingId(parentId: string, name: string, index = 0): string {
  const moment = parentId.slice(0, '01234567-89ab-'.length);
  const order = index.toString(16).padStart(3, '0');
  const rest = derivedId(`${name}:${index}`, parentId).slice('01234567-89ab-5def-'.length);
  return `${moment}7${order}-${rest}`;
}

/** Deterministic workflow ids: starting the same work twice is refused by Temporal. */
export const workflowId = {
  job: (jobId: string) => `job:${jobId}`,
  batch: (batchId: string) => `batch:${batchId}`,
  delivery: (deliveryId: string) => `delivery:${deliveryId}`,
} as const;
