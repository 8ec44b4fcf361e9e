import { KilnError } from './errors.ts';

/** A page of a list, named by its neighbours: newest first, oldest first if only `after` is given. */
export interface Page<Key = string> {
  /** What the list is sorted by, of the neighbour that is newer. */
  before?: Key | undefined;
  /** The same of the neighbour that is older. */
  after?: Key | undefined;
  limit: number;
}

/** The error of a caller who names a place that no page has given. */
export function notACursor(field: string): KilnError {
  return new KilnError('INVALID_INPUT', 'This is not a cursor of this list.', {
    field,
    hint: 'Give one that a page of this list has given, or none to begin at its front.',
  });
}
