import type { Filter, FindOptions } from 'mongodb';
import { KilnError } from '../domain/errors.ts';
import { earliestId, newId } from '../domain/id.ts';
import type { Page } from '../domain/page.ts';
import {
  ATTEMPT_WINDOW,
  type Delivery,
  type DeliveryAttempt,
  type DeliveryHold,
  type DeliveryState,
  type DeliverySummary,
} from '../domain/webhooks/delivery.ts';
import { createGrouped, createGroupedReads } from '../grouped.ts';
import { type Collections, insertIfAbsent, translateErrors, updateInPortions } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

/** Which deliveries of an owner are meant. */
export interface DeliveryFilter {
  owner: string;
  endpointId?: string | undefined;
  jobId?: string | undefined;
  state?: DeliveryState | undefined;
  /** Created at or after it. */
  since?: Date | undefined;
  /** Created before it. */
  until?: Date | undefined;
}

/** Deliveries are sorted by `order`. */
export type DeliveryPage = DeliveryFilter & Page;

/** Where a delivery stands among those that change: by the latest change, those of one instant by `order`. */
export type ChangeCursor = Pick<Delivery, '_id' | 'order' | 'updatedAt'>;

export interface ChangedPage extends Pick<DeliveryFilter, 'owner' | 'endpointId'> {
  /** The last one that is known; its `_id` does not matter. */
  after: Omit<ChangeCursor, '_id'>;
  limit: number;
}

/** What an attempt leads to. */
export interface AttemptEffect {
  state: DeliveryState;
  nextAttemptAt: Date | null;
}

interface Reopening {
  delivery: Delivery;
  fresh: Partial<Delivery> & { round: string };
  won: boolean;
}

interface AttemptRecord {
  id: string;
  attempt: DeliveryAttempt;
  effect: AttemptEffect;
}

const WITHOUT_CONTENT = { body: 0, attempts: 0, sealedSecret: 0 } as const;

/** The id and the time of a delivery are taken one after the other. */
const STAMP_SLACK_MS = 60_000;

export type DeliveryRepository = ReturnType<typeof createDeliveryRepository>;

/** Webhook deliveries with every attempt that was made. */
export function createDeliveryRepository({ deliveries }: Pick<Collections, 'deliveries'>) {
  /** Many at a time are written by one call; whatever is not as expected is looked at one by one. */
  const record = createGrouped(async (records: readonly AttemptRecord[]) => {
    const operations = records.map((one) => ({
      updateOne: { filter: { ...isNew(one), state: 'pending' as const }, update: updateOf(one) },
    }));
    const { matchedCount } = await deliveries.bulkWrite(operations, { ordered: false });
    if (matchedCount < records.length) await Promise.all(records.map(recordLate));
  });

  /** Discarded or given up while the receiver was answering: the attempt counts, and a success as well. */
  async function recordLate(one: AttemptRecord): Promise<void> {
    const { $push, $set } = updateOf(one);
    const isDelivered = one.effect.state === 'delivered';
    const { updatedAt } = $set;
    await deliveries.updateOne(isNew(one), { $push, $set: isDelivered ? $set : { updatedAt } });
  }

  /** Whose round it became is read back: of several replays of one delivery, one wins. */
  const reopenAll = createGrouped(async (all: readonly Reopening[]) => {
    const operations = all.map(({ delivery: { _id, state, updatedAt }, fresh }) => ({
      updateOne: { filter: { _id, state, updatedAt }, update: { $set: fresh } },
    }));
    await deliveries.bulkWrite(operations, { ordered: false });
    const ids = all.map(({ delivery }) => delivery._id);
    const found = await deliveries.find({ _id: { $in: ids } }, { projection: { round: 1 } }).toArray();
    const rounds = new Map(found.map(({ _id, round }) => [_id, round]));
    for (const one of all) one.won = rounds.get(one.delivery._id) === one.fresh.round;
  });

  async function find<T extends DeliverySummary>(
    { before, after, limit, ...filter }: DeliveryPage,
    options: FindOptions = {},
  ): Promise<T[]> {
    const { since, until } = filter;
    const { bounds, options: ofPage } = paging(
      'order',
      { before, after, limit },
      {
        // Ids tell their time, so that the index finds both ends of the time that is asked for.
        ...(since && { $gte: earliestId(new Date(since.getTime() - STAMP_SLACK_MS)) }),
        ...(until && { $lte: earliestId(new Date(until.getTime() + STAMP_SLACK_MS)) }),
      },
    );
    const found = await deliveries
      .find<T>({ ...filterOf(filter), ...bounds }, { ...ofPage, ...options })
      .toArray();
    return found.map(complete);
  }

  const parts = <P extends 'body' | 'attempts'>(ids: readonly string[], projection: Record<P, 1>) =>
    deliveries.find<Pick<Delivery, '_id' | P>>({ _id: { $in: [...ids] } }, { projection }).toArray();

  return translateErrors({
    async get(id: string): Promise<Delivery> {
      const delivery = await deliveries.findOne({ _id: id });
      if (!delivery) throw new KilnError('NOT_FOUND', 'There is no such delivery.');
      return complete(delivery);
    },

    insertIfAbsent: (delivery: Delivery) => insertIfAbsent(deliveries, delivery),

    /** A repeat of the same attempt number (its first reply was lost) is written once. */
    recordAttempt: (id: string, attempt: DeliveryAttempt, effect: AttemptEffect): Promise<void> =>
      record({ id, attempt, effect }),

    /** It waits for something else than its schedule. */
    async hold(id: string, hold: DeliveryHold, nextAttemptAt: Date): Promise<void> {
      await deliveries.updateOne(
        { _id: id, state: 'pending' },
        { $set: { hold, nextAttemptAt, begun: true, updatedAt: new Date() } },
      );
    },

    /** It ends without another attempt. */
    async end(id: string, state: 'failed' | 'discarded'): Promise<void> {
      const now = new Date();
      await deliveries.updateOne(
        { _id: id, state: 'pending' },
        { $set: { state, hold: null, begun: true, nextAttemptAt: null, updatedAt: now, stateSince: now } },
      );
    },

    /** Ends all that an endpoint has not got yet; each of them by itself, so a repeat finishes the rest. */
    async endAll(endpointId: string, state: 'failed' | 'discarded'): Promise<void> {
      const now = new Date();
      await updateInPortions(
        deliveries,
        { endpointId, state: 'pending' },
        { $set: { state, hold: null, begun: true, nextAttemptAt: null, updatedAt: now, stateSince: now } },
      );
    },

    /** Begins another round of an ended delivery. @returns null when somebody else did so meanwhile. */
    async reopen(delivery: Delivery): Promise<Delivery | null> {
      const now = new Date();
      const fresh = {
        state: 'pending' as const,
        roundBase: delivery.attempts.at(-1)?.number ?? 0,
        round: newId(),
        begun: false,
        hold: null,
        nextAttemptAt: null,
        updatedAt: now,
        stateSince: now,
      };
      const reopening = { delivery, fresh, won: false };
      await reopenAll(reopening);
      return reopening.won ? { ...delivery, ...fresh } : null;
    },

    /** Without what may be long, each of which is read by itself. */
    list: (page: DeliveryPage): Promise<DeliverySummary[]> =>
      find<DeliverySummary>(page, { projection: WITHOUT_CONTENT }),

    listWhole: (page: DeliveryPage): Promise<Delivery[]> => find<Delivery>(page),

    /** What one of a list says; those that are asked for at a time are read together. */
    bodyOf: createGroupedReads((ids) => parts(ids, { body: 1 })),

    attemptsOf: createGroupedReads((ids) => parts(ids, { attempts: 1 })),

    /** What was written behind a mark, in the order of their marks; however many share an instant. */
    async listChanged({ owner, endpointId, after, limit }: ChangedPage): Promise<ChangeCursor[]> {
      const { updatedAt, order } = after;
      return deliveries
        .find(
          {
            owner,
            updatedAt: { $gte: updatedAt },
            ...(endpointId && { endpointId }),
            $or: [{ updatedAt: { $gt: updatedAt } }, { order: { $gt: order } }],
          },
          { sort: { updatedAt: 1, order: 1 }, limit, projection: { order: 1, updatedAt: 1 } },
        )
        .toArray();
    },

    /** Those that are there. */
    async getAll(ids: readonly string[]): Promise<Delivery[]> {
      const found = await deliveries.find({ _id: { $in: [...ids] } }).toArray();
      return found.map(complete);
    },
  });
}

function isNew({ id, attempt }: AttemptRecord): Filter<Delivery> {
  return { _id: id, 'attempts.number': { $ne: attempt.number } };
}

function updateOf({ attempt, effect }: AttemptRecord) {
  const updatedAt = new Date();
  const stateSince = effect.state === 'pending' ? {} : { stateSince: updatedAt };
  return {
    $push: { attempts: { $each: [attempt], $slice: -ATTEMPT_WINDOW } },
    $set: { ...effect, ...stateSince, hold: null, begun: true, updatedAt },
  };
}

function filterOf({ owner, endpointId, jobId, state, since, until }: DeliveryFilter): Filter<Delivery> {
  return {
    owner,
    ...(endpointId && { endpointId }),
    ...(jobId && { jobId }),
    ...(state && { state }),
    ...((since || until) && { createdAt: { ...(since && { $gte: since }), ...(until && { $lt: until }) } }),
  };
}

/** Callbacks that were begun before there were endpoints lack what endpoints brought. */
function complete<T extends DeliverySummary>(stored: T): T {
  const { createdAt, jobId } = stored;
  const later = { endpointId: null, hold: null, round: null, roundBase: 0, nextAttemptAt: null, begun: true };
  const known = { subjectId: jobId ?? '', order: '', stateSince: createdAt, updatedAt: createdAt };
  return { ...later, ...known, ...stored };
}
