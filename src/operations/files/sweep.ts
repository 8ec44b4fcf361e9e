import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Scratch } from '../../blobs/scratch.ts';
import { dayOf } from '../../domain/access/rate-window.ts';
import type { SweepKind, SweepStep, Swept } from '../../domain/files/retention.ts';
import { createSweepBlobs, type SweepBlobsPorts } from './sweep-blobs.ts';
import { createSweepFiles, type SweepFilesPorts } from './sweep-files.ts';
import { cursorOf, sweptPage } from './sweep-pages.ts';
import { createSweepRecords } from './sweep-records.ts';

export interface SweepPorts extends SweepBlobsPorts, SweepFilesPorts {
  blobs: BlobStore;
  scratch: Pick<Scratch, 'sweep'>;
}

/** How many documents one step looks at. */
const PAGE = 500;
const DAY_MS = 24 * 3_600_000;
/** No attempt is older than this: what it wrote was left by a process that was killed, wherever that ran. */
const SCRATCH_MS = 2 * 3_600_000;

export type Sweep = ReturnType<typeof createSweep>;

/**
 * Removes what has had its time, a page at a time. Whoever reads looks at the time as well, so this only
 * cleans up. May be broken off anywhere and repeated.
 */
export function createSweep(ports: SweepPorts) {
  const { retention, blobs, scratch } = ports;
  const { sweepFiles, sweepUploads } = createSweepFiles(ports);
  const { sweepJobs, sweepBatches, sweepDeliveries } = createSweepRecords(ports);
  const { sweepBlobs } = createSweepBlobs(ports);

  const steps: Readonly<Record<SweepKind, (after: string | null, now: number) => Promise<Swept>>> = {
    deliveries: async (after, now) => sweptPage(await sweepDeliveries(page(after), now)),
    batches: async (after, now) => sweptPage(await sweepBatches(page(after), now)),
    jobs: async (after, now) => sweptPage(await sweepJobs(page(after), now)),
    uploads: async (after, now) => sweptPage(await sweepUploads(page(after), now)),
    files: async (after, now) => sweptPage(await sweepFiles(page(after), now)),
    windows: async (_after, now) => wholePage(await retention.removeWindows(dayOf(now - DAY_MS), PAGE)),
    idempotency: async (_after, now) =>
      wholePage(await retention.removeIdempotencyRecords(new Date(now), PAGE)),
    blobs: (after, now) => sweepBlobs(after, PAGE, now),
    scratch: async () => ({
      next: null,
      removed: (await scratch.sweep(SCRATCH_MS)) + (await blobs.sweepUnfinished(SCRATCH_MS)),
    }),
  };

  return function sweep({ kind, after }: SweepStep, now = Date.now()): Promise<Swept> {
    return steps[kind](after, now);
  };
}

function page(after: string | null) {
  return { after: cursorOf(after), limit: PAGE };
}

/** Nothing of such a page stays, so that the next one begins at the front again. */
function wholePage(removed: number): Swept {
  return { next: removed === PAGE ? 'more' : null, removed };
}
