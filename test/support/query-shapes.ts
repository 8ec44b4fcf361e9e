import type { Collection } from 'mongodb';
import { type DeclaredIndex, INDEXES } from '../../src/store/mongo/indexes.ts';
import type { Collections } from '../../src/store/mongo/mongo.ts';

/** A query as it went to the server. */
interface Query {
  collection: string;
  filter: Readonly<Record<string, unknown>>;
  sort: Readonly<Record<string, number>>;
  limit: number | null;
}

/** Methods that take a filter first and their options last. */
const FILTERED = ['findOneAndUpdate', 'updateOne', 'updateMany', 'replaceOne', 'deleteOne', 'deleteMany'];

interface Options {
  sort?: Record<string, number>;
  limit?: number;
}

/** Of each shape the first query. */
type Queries = ReadonlyMap<string, Query>;

/** Code whose queries count; what a test looks up for itself may take its time. */
const STORE = /[\\/]src[\\/]store[\\/]/;

/** The same collections, and every query that the store made of them. */
export function recordingCollections(real: Collections): { collections: Collections; queries: Queries } {
  const queries = new Map<string, Query>();

  function note(collection: string, filter: unknown, { sort = {}, limit }: Options = {}): void {
    const query = { collection, filter: (filter ?? {}) as Query['filter'], sort, limit: limit ?? null };
    const shape = shapeOf(query);
    if (!queries.has(shape) && STORE.test(new Error().stack ?? '')) queries.set(shape, query);
  }

  function recording(name: string, collection: Collection) {
    return new Proxy(collection, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          for (const [filter, options] of conditionsOf(String(property), args)) note(name, filter, options);
          return member.apply(target, args);
        };
      },
    });
  }

  const entries = Object.entries(real).map(([name, collection]) => [name, recording(name, collection)]);
  return { collections: Object.fromEntries(entries), queries };
}

/** The filters of a call, each with its options. */
function conditionsOf(method: string, args: unknown[]): [filter: unknown, options?: Options][] {
  const [first, second, third] = args;
  if (method === 'find' || method === 'findOne') return [[first, second as Options]];
  if (method === 'distinct') return [[second]];
  if (method === 'aggregate') return [[(first as { $match?: object }[])[0]?.$match]];
  if (method === 'bulkWrite')
    return (first as Record<string, { filter?: object }>[]).flatMap((operation) =>
      Object.values(operation).flatMap(({ filter }) => (filter ? [[filter] as [unknown]] : [])),
    );
  return FILTERED.includes(method) ? [[first, third as Options]] : [];
}

type Use = 'equal' | 'range' | 'other';

/** How a condition uses a field; of a list of values each is looked up. */
function wayOf(condition: unknown): Use {
  const isOperators =
    typeof condition === 'object' &&
    condition !== null &&
    Object.getPrototypeOf(condition) === Object.prototype &&
    Object.keys(condition).some((name) => name.startsWith('$'));
  if (!isOperators) return 'equal';
  const operators = Object.keys(condition);
  if (operators.includes('$in') || operators.includes('$eq')) return 'equal';
  // A field that is missing stands in the index as null.
  if (operators.every((name) => name === '$exists')) return 'other';
  return operators.every((name) => ['$gt', '$gte', '$lt', '$lte'].includes(name)) ? 'range' : 'other';
}

/** `jobs: owner =, _id range, by _id`: queries that differ in values only are one shape. */
function shapeOf({ collection, filter, sort }: Query): string {
  const marks: Readonly<Record<Use, string>> = { equal: ' =', range: ' range', other: ' ?' };
  const parts = Object.entries(filter).map(([field, condition]) =>
    field === '$or' ? '$or' : nameOf(field) + marks[wayOf(condition)],
  );
  const order = Object.keys(sort).length > 0 ? [`by ${Object.keys(sort).join(' and ')}`] : [];
  return `${collection}: ${[...parts, ...order].join(', ') || 'everything'}`;
}

/** Paths with an id or a position in them are one. */
function nameOf(field: string): string {
  return field.replace(/\.(?:\d+|[\w]+-[\w-]+)/g, '.*');
}

/** Fields that find no more documents than the one beside them does. */
const REMAINDERS: readonly { collection: string; beside: string; fields: readonly string[] }[] = [
  // The bounds of the order follow from the time.
  { collection: 'deliveries', beside: 'order', fields: ['createdAt'] },
  // An endpoint has one owner, and a job few deliveries.
  { collection: 'deliveries', beside: 'endpointId', fields: ['owner', 'hold'] },
  { collection: 'deliveries', beside: 'jobId', fields: ['owner', 'endpointId', 'state', 'createdAt'] },
  // What is kept for so long has nearly always ended.
  { collection: 'deliveries', beside: 'createdAt', fields: ['state'] },
  // A file is the input of few jobs.
  { collection: 'jobs', beside: 'inputs.fileId', fields: ['status'] },
  // Whoever watches asks for what has changed since a moment ago.
  { collection: 'deliveries', beside: 'updatedAt', fields: ['endpointId'] },
];

/** Queries that may look through more than they find, and why. */
const LOOKED_THROUGH: Readonly<Record<string, string>> = {
  'accounts: repairAt ?, $or': 'once at a start, for accounts from before there was such a time',
  'jobs: status =, repairAt ?': 'once at a start, for jobs from before there was such a time',
  'masterKeys: everything': 'there are as many as master keys',
  'plans: everything': 'there are as many as plans',
};
/** An operator's rotation goes through all documents, page by page, by their ids. */
const ROTATION = /^(?:keys|jobs|deliveries|endpoints): _id range, \S*sealed\S* \?, by _id$/i;

/**
 * The index that finds no more than what is asked for and has it in order: equal fields stand first, the
 * fields of the order next, and every other condition is on a field of the index too. An `_id`, or the
 * value of a unique field, finds one document, whatever else is asked of it.
 * @returns null when none does.
 */
export function servedBy(query: Query): string | null {
  const shape = shapeOf(query);
  const reason = LOOKED_THROUGH[shape] ?? (ROTATION.test(shape) ? 'an operator rotates master keys' : null);
  if (reason) return `none: ${reason}`;
  const { $or: branches, ...rest } = query.filter as Query['filter'] & { $or?: Query['filter'][] };
  if (!branches) return indexFor(query);
  const each = branches.map((branch) => indexFor({ ...query, filter: { ...rest, ...branch } }));
  return each.includes(null) ? null : [...new Set(each)].join(' or ');
}

function indexFor({ collection, filter, sort }: Query): string | null {
  const declared: readonly DeclaredIndex[] = (INDEXES as Record<string, DeclaredIndex[]>)[collection] ?? [];
  const isEqual = (field: string) => field in filter && wayOf(filter[field]) === 'equal';
  const unique = declared.filter(({ options }) => options?.unique).map(({ key }) => Object.keys(key));
  const single = [['_id'], ...unique].find((key) => key.every(isEqual));
  if (single) return single.join();
  const remainders = REMAINDERS.filter((one) => one.collection === collection && one.beside in filter);
  const ignored = remainders.flatMap(({ fields }) => fields);
  const fields = Object.keys(filter).filter((field) => !ignored.includes(field));
  const order = Object.keys(sort);
  const serving = [['_id'], ...declared.map(({ key }) => Object.keys(key))].find((key) => {
    const equal = key.findIndex((field) => !isEqual(field));
    const rest = equal === -1 ? [] : key.slice(equal);
    const inOrder = order.every((field, i) => rest[i] === field);
    const begins = (key[0] ?? '') in filter || (fields.length === 0 && order.length > 0);
    return begins && inOrder && fields.every((field) => key.includes(field));
  });
  return serving?.join() ?? null;
}

/** @throws when a query would look through a collection that grows. */
export function requireServed(queries: Queries): void {
  const unserved = [...queries].filter(([, query]) => servedBy(query) === null).map(([shape]) => shape);
  if (unserved.length === 0) return;
  throw new Error(
    `No index serves: ${unserved.join('; ')}. Declare one in src/store/mongo/indexes.ts, or say in ` +
      'test/support/query-shapes.ts why it may look through more than it finds.',
  );
}
