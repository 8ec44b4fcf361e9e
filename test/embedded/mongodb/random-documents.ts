import type { Collection } from 'mongodb';
import { seededRandom } from '../../support/seeded-random.ts';

export interface Doc {
  _id: string;
  due?: unknown;
  state?: unknown;
  order?: unknown;
  list?: unknown;
}
type Field = Exclude<keyof Doc, '_id'>;

const FIELDS: readonly Field[] = ['due', 'state', 'order', 'list'];
interface Question {
  filter: Record<string, unknown>;
  sort: Record<string, 1 | -1>;
}

/** Random values, changes and questions; small ranges, so that many documents share a value. */
export function randomly(seed: number) {
  const random = seededRandom(seed);
  const id = () => `d${random.below(80)}`;
  const date = () => new Date(random.below(20) * 1000);
  /** Of every kind; what has no order in an index comes last and seldom. */
  function value(field: Field, odd: boolean): unknown {
    if (odd && random.chance(0.01))
      return random.pick([{ n: 1 }, [[1]], Number.NaN, 2 ** 53, 2 ** 31 + 0.5, /x/]);
    if (field === 'list' && random.chance(0.8)) {
      const elements = Array.from({ length: random.below(4) }, () => random.below(6));
      return random.chance(0.5) ? elements : elements.map((n) => (n ? { n } : {}));
    }
    return random.pick([
      date(),
      date(),
      random.below(6),
      random.below(6) - 2.5,
      'a',
      'b',
      'ab',
      true,
      false,
      null,
      -0,
    ]);
  }
  function fields(odd: boolean): Omit<Doc, '_id'> {
    const given = FIELDS.filter(() => random.chance(0.75)).map((field) => [field, value(field, odd)]);
    return Object.fromEntries(given);
  }
  function condition(field: Field): unknown {
    const one = () => value(field, true);
    return random.pick([
      one,
      () => ({ $eq: one() }),
      () => ({ $in: [one(), one(), one()] }),
      () => ({ $in: [] }),
      () => ({ $lte: one() }),
      () => ({ $gt: one() }),
      () => ({ $gte: one(), $lt: one() }),
      () => ({ $gt: random.below(3), $lte: random.below(6) }),
      () => ({ $gte: date(), $lte: date() }),
      () => ({ $ne: one() }),
      () => ({ $exists: random.chance(0.5) }),
    ])();
  }
  function filter(): Record<string, unknown> {
    const some = FIELDS.filter(() => random.chance(0.3)).map((field) => [
      field === 'list' && random.chance(0.5) ? 'list.n' : field,
      condition(field),
    ]);
    const or = {
      $or: [{ due: condition('due') }, random.chance(0.5) ? { due: { $exists: false } } : { _id: id() }],
    };
    return {
      ...Object.fromEntries(some),
      ...(random.chance(0.2) && or),
      ...(random.chance(0.2) && { _id: { $lt: id() } }),
    };
  }
  /** All of it is in the order: where two are equal, each server may choose. */
  function sort(): Record<string, 1 | -1> {
    const way = random.chance(0.5) ? 1 : -1;
    return random.pick([
      { _id: way },
      { due: way, _id: way },
      { order: way, _id: way },
      { state: way, due: way, _id: way },
      { due: way, _id: -way as 1 | -1 },
    ]) as Record<string, 1 | -1>;
  }
  const range = () => random.pick([{ $lte: date() }, { $gt: date() }, { $gte: -2, $lt: random.below(6) }]);
  /** As the store asks for what is due, or for a page; or anything. */
  function question(): Question {
    const way = random.chance(0.5) ? 1 : -1;
    const state = random.pick(['a', 'b', 1, null]);
    return random.pick<() => Question>([
      () => ({ filter: { due: range() }, sort: { due: way, _id: way } }),
      () => ({ filter: { state }, sort: { due: way, _id: way } }),
      () => ({ filter: { state, order: range() }, sort: { order: way, _id: way } }),
      () => ({
        filter: { $or: [{ due: range() }, { due: { $exists: false } }] },
        sort: { due: way, _id: way },
      }),
      () => ({ filter: filter(), sort: sort() }),
      () => ({ filter: filter(), sort: sort() }),
    ])();
  }
  return { random, id, fields, question, value };
}

type Change = (docs: Collection<Doc>) => Promise<unknown>;

export function change(make: ReturnType<typeof randomly>, odd: boolean): Change {
  const { random, id, fields } = make;
  const { filter: which, sort: order } = make.question();
  const [_id, fresh, field] = [id(), fields(odd), random.pick(FIELDS)];
  const set = { $set: { [field]: make.value(field, odd) } };
  return random.pick<Change>([
    (docs) => docs.updateOne({ _id }, { $set: fresh }, { upsert: true }),
    (docs) => docs.replaceOne({ _id }, fresh, { upsert: true }),
    (docs) => docs.updateOne({ _id }, { $unset: { [field]: '' } }),
    (docs) => docs.updateMany(which, set),
    (docs) => docs.findOneAndUpdate(which, set, { sort: order, returnDocument: 'after' }),
    (docs) => docs.deleteOne({ _id }),
    (docs) => docs.findOneAndDelete(which, { sort: order }),
    (docs) =>
      docs.insertMany(
        [
          { _id, ...fresh },
          { _id: `${_id}-2`, ...fresh },
        ],
        { ordered: false },
      ),
    (docs) =>
      docs.bulkWrite([{ updateMany: { filter: which, update: set } }, { deleteOne: { filter: { _id } } }]),
  ]);
}
