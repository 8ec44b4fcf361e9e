import {
  defaultFieldResolver,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNullableType,
  isListType,
  isObjectType,
} from 'graphql';
import type { KilnContext } from '../context.ts';
import { nobodyWaits } from './fair-scheduling.ts';
import { yieldWhenDue } from './time-slices.ts';

/** Lists of up to so many members are finished in one go. */
const SHORT = 8;

type Resolver = GraphQLFieldResolver<unknown, KilnContext>;

/**
 * Lets every list of a schema pause between its members once its time slice is over, since the executor would
 * otherwise finish a page of any size in one go. It stops when whoever asked has gone.
 */
export function unhurried(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (!isListType(getNullableType(field.type))) continue;
      field.resolve = pausing(field.resolve ?? defaultFieldResolver);
    }
  }
  return schema;
}

function pausing(resolve: Resolver): Resolver {
  return (parent, args, context, info) => {
    const found = resolve(parent, args, context, info);
    return isThenable(found) ? found.then((list) => spread(list, context)) : spread(found, context);
  };
}

function spread(list: unknown, { sender, signal }: KilnContext): unknown {
  if (!Array.isArray(list) || list.length <= SHORT) return list;
  return oneByOne(list, sender.peer ?? '', signal);
}

/**
 * The members as promises that are kept one after the other. NOTE: the executor would also take an async
 * iterator, but leaves what it has begun of it unattended when one member fails, which ends the process.
 */
function oneByOne(list: readonly unknown[], who: string, gone: AbortSignal | undefined): Promise<unknown>[] {
  const members = list.map(() => Promise.withResolvers<unknown>());
  async function keep(): Promise<void> {
    for (const [place, { resolve, reject }] of members.entries()) {
      await yieldWhenDue(who, gone);
      if (gone?.aborted) reject(nobodyWaits());
      else resolve(list[place]);
    }
  }
  void keep();
  return members.map(({ promise }) => promise);
}

function isThenable(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
