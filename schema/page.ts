import { ConversionError } from '../src/domain/errors.ts';
import { isId } from '../src/domain/id.ts';

/** The arguments of every connection, as Relay names them. */
export interface PageArguments {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
}

/** How operations list: ids grow with time, newest first unless only `after` is given. */
export interface PageQuery {
  before?: string;
  after?: string;
  limit: number;
}

const DEFAULT_SIZE = 25;
const MAX_SIZE = 100;
/** Before the first id that can exist. */
const DAWN = '00000000-0000-0000-0000-000000000000';

/**
 * Reads one page of a list that shows the newest first.
 * NOTE: `after` of a connection means further down the list, so older: `before` of the query.
 */
export async function pageOf<T extends { _id: string }>(
  args: PageArguments,
  list: (query: PageQuery) => Promise<readonly T[]>,
) {
  const size = sizeOf(args);
  const backward = typeof args.last === 'number';
  const found = await list({ ...boundsOf(args, backward), limit: size + 1 });
  const page = found.slice(0, size);
  if (backward) page.reverse();
  const edges = page.map((node) => ({ cursor: cursorOf(node._id), node }));
  const more = found.length > size;
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
      // A cursor is the place of an item that was seen, so there is at least that one on its side.
      hasPreviousPage: Boolean(args.after) || (backward && more),
      hasNextPage: Boolean(args.before) || (!backward && more),
    },
  };
}

/** What a connection costs before it is read: each item costs what is asked of it. */
export function pageCost({ first, last }: PageArguments): { field: number; multiplier: number } {
  const size = Math.max(first ?? last ?? DEFAULT_SIZE, 1);
  return { field: size, multiplier: size };
}

function sizeOf({ first, last, after }: PageArguments): number {
  if (typeof last === 'number' && (typeof first === 'number' || after)) {
    throw new ConversionError('INVALID_INPUT', '`last` cannot be combined with `first` or `after`.', {
      field: 'last',
      hint: 'Use `first` with `after` to go down the list, `last` with `before` to go up.',
    });
  }
  const size = first ?? last ?? DEFAULT_SIZE;
  if (size >= 0 && size <= MAX_SIZE) return size;
  throw new ConversionError('INVALID_INPUT', `A page holds 0 to ${MAX_SIZE} items.`, {
    field: typeof first === 'number' ? 'first' : 'last',
  });
}

function boundsOf({ after, before }: PageArguments, backward: boolean): Omit<PageQuery, 'limit'> {
  if (backward) return { after: before ? idOf(before, 'before') : DAWN };
  return { ...(after && { before: idOf(after, 'after') }), ...(before && { after: idOf(before, 'before') }) };
}

function cursorOf(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function idOf(cursor: string, field: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (isId(id)) return id;
  throw new ConversionError('INVALID_INPUT', 'This is not a cursor of this list.', { field });
}
