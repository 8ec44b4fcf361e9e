import { v7 as uuidv7, validate } from 'uuid';

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
