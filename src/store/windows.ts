import { dayOf, type Quota, type RateWindow, windowStart } from '../domain/access/rate-window.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';

export type WindowRepository = ReturnType<typeof createWindowRepository>;

/** Rolling windows of calls; every change is one conditional update of one document. */
export function createWindowRepository({ windows }: Pick<Collections, 'windows'>) {
  return translateErrors({
    find: (id: string): Promise<RateWindow | null> => windows.findOne({ _id: id }),
    insertIfAbsent: (window: RateWindow) => insertIfAbsent(windows, window),

    /**
     * Enters `calls` calls if they fit in. The list has as many places as the limit allows calls, so
     * the limit holds exactly when those that the new ones push out have left the window.
     */
    async hit(id: string, { perMinute, perDay }: Quota, calls: number, now: number): Promise<boolean> {
      const size = perMinute ?? 0;
      if (calls > (perMinute ?? calls) || calls > (perDay ?? calls)) return false;
      const { modifiedCount } = await windows.updateOne(
        {
          _id: id,
          size,
          day: { $gte: dayOf(now) },
          ...(perMinute !== null && { [`hits.${calls - 1}`]: { $lte: windowStart(now) } }),
          ...(perDay !== null && { dayCount: { $lte: perDay - calls } }),
        },
        {
          $inc: { seq: 1, dayCount: calls },
          ...(perMinute !== null && {
            $push: { hits: { $each: new Array<number>(calls).fill(now), $slice: -size } },
          }),
        },
      );
      return modifiedCount === 1;
    },

    /** Gives the list another length, unless a call came in between. */
    async resize({ _id, seq }: RateWindow, hits: number[]): Promise<void> {
      await windows.updateOne({ _id, seq }, { $set: { hits, size: hits.length }, $inc: { seq: 1 } });
    },

    /** Begins a new day; only the first of many does. */
    async beginDay(id: string, day: string): Promise<void> {
      await windows.updateOne(
        { _id: id, day: { $lt: day } },
        { $set: { day, dayCount: 0 }, $inc: { seq: 1 } },
      );
    },
  });
}
