import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import { GraphQLError } from 'graphql';
import type { KilnContext } from './context.ts';
import { decodeNodeId } from './global-id.ts';

interface SchemaTypes {
  Context: KilnContext;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    ByteCount: { Input: number; Output: number };
    Credits: { Input: number; Output: number };
    JSON: { Input: unknown; Output: unknown };
  };
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
}

/** What a list costs that does not say so itself: those of a job have few members. */
const SHORT_LIST = 2;

/** Matches a moment: a time without its offset is only a time of day somewhere. */
const ISO_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

const cursor = 'Opaque; comes from `cursor` of an edge or from `pageInfo`.';

/** Collects the parts of the schema; each object's own file adds that object and its entry points. */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ErrorsPlugin, ComplexityPlugin, RelayPlugin],
  defaultFieldNullability: false,
  errors: {
    defaultUnionOptions: {
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
      description: 'A success, or the reason why there is none.',
    },
  },
  // limits.ts weighs the whole operation before it runs; the plugin would do so field by field.
  complexity: { disabled: true, defaultListMultiplier: SHORT_LIST },
  relay: {
    cursorType: 'String',
    decodeGlobalID: decodeNodeId,
    idFieldOptions: { description: 'Unique among all objects; what `node` takes.' },
    nodeTypeOptions: { description: 'Whatever can be fetched again by its id alone.' },
    nodeQueryOptions: {
      description: 'One object by its id; null when you own no such object.',
      args: { id: { description: 'The `id` of any object.' } },
      complexity: 5,
    },
    nodesQueryOptions: {
      description: 'Several objects by their ids, in the order asked; null where you own no such object.',
      args: { ids: { description: 'The `id`s of any objects.' } },
      complexity: ({ ids }) => ({ field: 5 * lengthOf(ids), multiplier: lengthOf(ids) }),
    },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'Whether there are items after this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there are items before this page.' },
    startCursorFieldOptions: { description: 'Cursor of the first item; null on an empty page.' },
    endCursorFieldOptions: { description: 'Cursor of the last item; null on an empty page.' },
    firstArgOptions: { description: 'How many items from the front, at most 100. 25 when nothing is said.' },
    lastArgOptions: { description: 'How many items from the back, at most 100; goes with `before` only.' },
    afterArgOptions: { description: `Items behind this cursor only. ${cursor}` },
    beforeArgOptions: { description: `Items in front of this cursor only. ${cursor}` },
    defaultConnectionTypeOptions: { description: 'One page of a list.' },
    defaultEdgeTypeOptions: { description: 'An item and its place in the list.' },
    edgesFieldOptions: { description: 'The items of this page.', complexity: { field: 1, multiplier: 1 } },
    nodeFieldOptions: { description: 'The item.' },
    cursorFieldOptions: { description: 'The place of the item: continue behind or in front of it.' },
    pageInfoFieldOptions: { description: 'Where this page lies in the list.' },
  },
});

builder.queryType({ description: 'What can be read.' });
builder.mutationType({ description: 'What can be changed. Expected failures are members of each result.' });
builder.subscriptionType({ description: 'What can be watched, over graphql-ws or server-sent events.' });

builder.scalarType('DateTime', {
  description: 'A moment in UTC, as ISO 8601 writes it: `2026-01-31T12:00:00.000Z`.',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const date = typeof value === 'string' && ISO_DATE.test(value) ? new Date(value) : null;
    if (date && !Number.isNaN(date.getTime())) return date;
    throw new GraphQLError(
      'A DateTime must be a moment as ISO 8601 writes it, such as 2026-01-31T12:00:00Z.',
    );
  },
});

builder.scalarType('ByteCount', {
  description: 'A number of bytes: a whole number from 0 to 2^53 − 1, which an Int could not hold.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw new GraphQLError('A ByteCount must be a whole number of bytes from 0 to 2^53 − 1.');
  },
});

builder.scalarType('Credits', {
  description: 'A whole number of media credits, up to 2^53 − 1, which an Int could not hold.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw new GraphQLError('Credits must be a whole number up to 2^53 − 1.');
  },
});

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
});

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 1;
}
