import { execute, GraphQLInt, GraphQLList, GraphQLObjectType, GraphQLSchema, parse } from 'graphql';
import { expect, it } from 'vitest';
import { unhurried } from '../../../schema/protection/unhurried.ts';

const MEMBERS = 20;
const BUSY_MS = 3;

it('lets others run in the midst of a long list, also of one that has no resolver of its own', async () => {
  const Slow = new GraphQLObjectType({
    name: 'Slow',
    fields: { number: { type: GraphQLInt, resolve: ({ number }: { number: number }) => busy(number) } },
  });
  const Query = new GraphQLObjectType({ name: 'Query', fields: { list: { type: new GraphQLList(Slow) } } });
  const schema = unhurried(new GraphQLSchema({ query: Query }));
  const rootValue = { list: Array.from({ length: MEMBERS }, (_, number) => ({ number })) };
  const contextValue = { sender: { peer: '192.0.2.1' } };

  let turns = 0;
  const count = setImmediate(function again() {
    turns += 1;
    if (turns < MEMBERS) setImmediate(again);
  });
  const { data } = await execute({ schema, document: parse('{ list { number } }'), rootValue, contextValue });
  const turnsOfOthers = turns;
  clearImmediate(count);

  expect(data).toEqual(rootValue);
  expect(turnsOfOthers).toBeGreaterThan(0);
});

/** Keeps the processor for some milliseconds. */
function busy(number: number): number {
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end);
  return number;
}
