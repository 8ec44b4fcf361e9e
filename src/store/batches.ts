import type { Filter, UpdateFilter } from 'mongodb';
import {
  type Batch,
  type BatchArchive,
  type BatchEvent,
  type BatchStatus,
  type BatchSummary,
  endOf,
  endsOf,
  eventOf,
  type Outcome,
  recount,
} from '../domain/batches/batch.ts';
import { KilnError } from '../domain/errors.ts';
import { EVENT_WINDOW, type JobStatus } from '../domain/jobs/job.ts';
import type { Page } from '../domain/page.ts';
import { createGroupedReads } from '../grouped.ts';
import type { Changes } from './mongo/changes.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

export interface BatchPage extends Page {
  owner: string;
}

/** Some of the jobs of a batch, by their places. */
interface Slice {
  id: string;
  from: number;
  count: number;
}

const WITHOUT_LISTS = { events: 0, outcomes: 0, jobIds: 0 } as const;

/** A batch is looked at this long after something has happened in it. */
const CHECK_MS = 30_000;

export type BatchRepository = ReturnType<typeof createBatchRepository>;

/** The batches. Each change is one conditional update that also appends its events. */
export function createBatchRepository(
  { batches }: Pick<Collections, 'batches'>,
  changes: Pick<Changes<Batch>, 'publish' | 'invalidate'>,
) {
  async function get(id: string): Promise<Batch> {
    const batch = await batches.findOne({ _id: id });
    if (!batch) throw new KilnError('NOT_FOUND', 'There is no such batch.');
    return batch;
  }

  async function apply(
    filter: Filter<Batch>,
    patch: Partial<Batch>,
    events: BatchEvent[],
  ): Promise<Batch | null> {
    const update: UpdateFilter<Batch> = {
      $set: { ...patch, ...touched() },
      $inc: { seq: events.length },
      $push: { events: { $each: events, $slice: -EVENT_WINDOW } },
    };
    const batch = await batches.findOneAndUpdate(filter, update, { returnDocument: 'after' });
    if (batch) changes.publish(batch);
    return batch;
  }

  /** Writes an event once; a repeat finds it there, or the batch over. */
  async function applyOnce(id: string, patch: Partial<Batch>, event: BatchEvent): Promise<Batch> {
    const filter = { _id: id, status: 'processing' as const, 'events.cause': { $ne: event.cause } };
    return (await apply(filter, patch, [event])) ?? get(id);
  }

  return translateErrors({
    get,

    /** Null when there never was one. */
    find: (id: string): Promise<Batch | null> => batches.findOne({ _id: id }),

    /** One of many that are asked for at a time, which are read together. */
    getAmongMany: createGroupedReads((ids) => batches.find({ _id: { $in: [...ids] } }).toArray()),

    async insertIfAbsent(batch: Batch): Promise<void> {
      if (await insertIfAbsent(batches, batch)) changes.publish(batch);
    },

    /** No more of its jobs will be written: either all are, or nobody goes on with it. */
    async endSubmission(id: string): Promise<void> {
      await batches.updateOne({ _id: id, submitting: true }, { $set: touched(), $unset: { submitting: '' } });
    },

    /** Counts the jobs that have ended, each once, however often and by whomever it is told. */
    async count(
      id: string,
      statuses: ReadonlyMap<string, JobStatus>,
      { missing }: { missing: boolean },
    ): Promise<Batch> {
      for (;;) {
        const batch = await get(id);
        const counted = recount(batch, statuses, { at: new Date(), missing });
        if (!counted) return batch;
        const filter = { _id: id, seq: batch.seq };
        const { outcomes, events } = counted;
        const ended = Object.keys(outcomes).length;
        const changed = await apply(filter, { outcomes, ended, ends: endsOf(outcomes) }, events);
        if (changed) return changed;
      }
    },

    /**
     * Counts ends without reading the batch, which may be long: each end names itself.
     * @returns what matters of the batch then, or null when one of them was counted before.
     */
    async countEnds(id: string, ends: ReadonlyMap<string, Outcome>): Promise<BatchSummary | null> {
      const at = new Date();
      const named = [...ends].map(([jobId, outcome]) => [`outcomes.${jobId}`, outcome] as const);
      const more = Object.entries(endsOf(Object.fromEntries(ends))).filter(([, count]) => count > 0);
      const moreEnds = Object.fromEntries(more.map(([outcome, count]) => [`ends.${outcome}`, count]));
      const batch = await batches.findOneAndUpdate(
        { _id: id, ...Object.fromEntries(named.map(([path]) => [path, { $exists: false }])) },
        {
          $set: { ...Object.fromEntries(named), ...touched(at) },
          $inc: { seq: ends.size, ended: ends.size, ...moreEnds },
          $push: {
            events: {
              $each: [...ends].map(([jobId, outcome]) => endOf(jobId, outcome, at)),
              $slice: -EVENT_WINDOW,
            },
          },
        },
        { returnDocument: 'after', projection: WITHOUT_LISTS },
      );
      if (batch) changes.invalidate(batch);
      return batch;
    },

    /** The first request to cancel counts. */
    async cancel(id: string, reason: string): Promise<Batch> {
      const event = { type: 'status', status: 'processing', at: new Date(), cause: 'cancel' } as const;
      return applyOnce(id, { cancelReason: reason }, eventOf({ ...event, message: `being ${reason}` }));
    },

    async setArchive(id: string, archive: BatchArchive): Promise<Batch> {
      const message = archive.error?.message ?? archive.filename;
      const event = { type: 'archive', status: 'processing', at: new Date(), cause: 'archive' } as const;
      return applyOnce(id, { archive }, eventOf({ ...event, message }));
    },

    async finish(id: string, status: BatchStatus): Promise<Batch> {
      const at = new Date();
      const event = eventOf({ type: 'status', status, at, cause: 'ended' });
      return applyOnce(id, { status, finishedAt: at }, event);
    },

    async list({ owner, ...page }: BatchPage): Promise<BatchSummary[]> {
      const { bounds, options } = paging('_id', page);
      return batches.find({ owner, ...bounds }, { ...options, projection: WITHOUT_LISTS }).toArray();
    },

    /** Some of the jobs of a batch, in the order in which they were asked for. */
    async jobIdsOf({ id, from, count }: Slice): Promise<string[]> {
      if (count < 1) return [];
      // The other field makes it say what comes along instead of what does not.
      const projection = { status: 1, jobIds: { $slice: [from, count] } };
      return (await batches.findOne({ _id: id }, { projection }))?.jobIds ?? [];
    },

    /** Null when there never was one. */
    outcomesOf: (id: string): Promise<Pick<Batch, 'jobIds' | 'outcomes'> | null> =>
      batches.findOne({ _id: id }, { projection: { jobIds: 1, outcomes: 1 } }),

    /** Batches that are not over and are to be looked at by `now`, the longest due first; without their events. */
    listDue: (now: Date, limit: number): Promise<Omit<Batch, 'events'>[]> =>
      batches
        .find(
          // Batches from before there was such a time have none.
          { status: 'processing', $or: [{ checkAt: { $lte: now } }, { checkAt: { $exists: false } }] },
          { sort: { checkAt: 1 }, limit, projection: { events: 0 } },
        )
        .toArray(),

    /** Puts the next look at a batch off, unless something has happened since it was read. */
    async scheduleCheck({ _id, seq }: Pick<Batch, '_id' | 'seq'>, checkAt: Date): Promise<void> {
      await batches.updateOne({ _id, seq }, { $set: { checkAt } });
    },
  });
}

/** What every change of a batch says. */
function touched(at = new Date()): Pick<Batch, 'updatedAt' | 'checkAt'> {
  return { updatedAt: at, checkAt: new Date(at.getTime() + CHECK_MS) };
}
