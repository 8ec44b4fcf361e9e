import type { Page } from '../../domain/page.ts';

interface Range<Key> {
  $lt?: Key;
  $lte?: Key;
  $gt?: Key;
  $gte?: Key;
}

/**
 * Says a page of a list that is sorted by `field` in MongoDB's words: as part of the filter, which is empty
 * where nothing bounds it, and as options.
 * @param within further bounds of the whole list.
 */
export function paging<Field extends string, Key>(
  field: Field,
  { before, after, limit }: Page<Key>,
  within: Range<Key> = {},
) {
  const range: Range<Key> = {
    ...within,
    ...(before !== undefined && { $lt: before }),
    ...(after !== undefined && { $gt: after }),
  };
  const isOldestFirst = after !== undefined && before === undefined;
  return {
    // The compiler does not see which key a name that was computed has.
    bounds: (Object.keys(range).length > 0 ? { [field]: range } : {}) as { [F in Field]?: Range<Key> },
    options: { sort: { [field]: isOldestFirst ? 1 : -1 }, limit } as const,
  };
}
