/** How many requests may be under way to one receiver; those that answer well get more. */
export interface Lanes {
  /** @returns null, without having begun, when the receiver has all that it can take. */
  within<T>(receiver: string, work: () => Promise<T>, isGood: (result: T) => boolean): Promise<T | null>;
  /** How many it can take at a time at present. */
  widthOf(receiver: string): number;
}

interface Lane {
  underWay: number;
  width: number;
}

/** Nobody knows yet whether a receiver is fast: fifty slow ones must not fill all slots of a worker. */
const FIRST_WIDTH = 3;
const WIDEST = 24;
/** Receivers that are remembered; beyond it those with nothing under way are forgotten. */
const REMEMBERED = 10_000;

/**
 * Bounds what each receiver holds of this process, so that slow ones never slow the others: each good
 * result widens its lane by one, any other halves it.
 */
export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>();

  function laneOf(receiver: string): Lane {
    const known = lanes.get(receiver);
    if (known) return known;
    if (lanes.size >= REMEMBERED) forgetIdle(lanes);
    const lane = { underWay: 0, width: FIRST_WIDTH };
    lanes.set(receiver, lane);
    return lane;
  }

  return {
    widthOf: (receiver) => lanes.get(receiver)?.width ?? FIRST_WIDTH,

    async within(receiver, work, isGood) {
      const lane = laneOf(receiver);
      if (lane.underWay >= lane.width) return null;
      lane.underWay += 1;
      let good = false;
      try {
        const result = await work();
        good = isGood(result);
        return result;
      } finally {
        lane.underWay -= 1;
        lane.width = good ? Math.min(lane.width + 1, WIDEST) : Math.max(1, Math.floor(lane.width / 2));
      }
    },
  };
}

function forgetIdle(lanes: Map<string, Lane>): void {
  for (const [receiver, { underWay }] of lanes) if (underWay === 0) lanes.delete(receiver);
}
