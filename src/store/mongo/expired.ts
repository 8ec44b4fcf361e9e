import type { Collection, Document, Filter } from 'mongodb';

/** The last document of a page: where it stood, so that the next page begins behind it. */
export interface Cursor {
  at: Date;
  id: string;
}

export interface ExpiredPage {
  /** Null for the first page. */
  after: Cursor | null;
  /** Documents whose time came at or before it. */
  until: Date;
  limit: number;
}

/**
 * Documents by a time that they carry, oldest first: an index of that field serves it. Many may share one
 * time, so the id decides among them.
 */
export function findExpired<T extends { _id: string }>(
  collection: Collection<T>,
  field: string,
  { after, until, limit }: ExpiredPage,
  { where, projection }: { where?: Filter<T>; projection?: Document } = {},
): Promise<T[]> {
  const behind = after && { $or: [{ [field]: { $gt: after.at } }, { _id: { $gt: after.id } }] };
  const filter = {
    ...where,
    [field]: { $lte: until, ...(after && { $gte: after.at }) },
    ...behind,
  } as unknown as Filter<T>;
  const sort = { [field]: 1, _id: 1 } as const;
  return collection
    .find(filter, { sort, limit, ...(projection && { projection }) })
    .toArray() as unknown as Promise<T[]>;
}
