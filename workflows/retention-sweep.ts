import { continueAsNew, log, setCurrentDetails } from '@temporalio/workflow';
import type { SWEEP_KINDS, SweepKind, Swept } from '../src/domain/files/retention.ts';
import { isHistoryLong } from './history.ts';
import { transfer } from './proxies.ts';

/**
 * Repeats SWEEP_KINDS, since workflows import no values from src; the type makes sure that no kind is missing.
 */
const KINDS = [
  'deliveries',
  'batches',
  'jobs',
  'uploads',
  'files',
  'windows',
  'idempotency',
  'blobs',
  'scratch',
] as const satisfies typeof SWEEP_KINDS;

/** What one run passes to the next by continue-as-new. */
export interface SweepProgress {
  /** Index in KINDS. */
  kind: number;
  after: string | null;
  /** Number of removed things by kind. */
  removed: Partial<Record<SweepKind, number>>;
}

/**
 * Removes everything past its retention, kind by kind, and returns how much. What fails is left to the next
 * sweep.
 */
export async function retentionSweep(progress?: SweepProgress): Promise<SweepProgress['removed']> {
  const state = progress ?? { kind: 0, after: null, removed: {} };
  for (; state.kind < KINDS.length; state.kind += 1) {
    const kind = KINDS[state.kind] as SweepKind;
    do {
      const { next, removed } = await step(kind, state.after);
      state.after = next;
      state.removed[kind] = (state.removed[kind] ?? 0) + removed;
      show(state);
      if (isHistoryLong()) return continueAsNew<typeof retentionSweep>(advanced(state));
    } while (state.after !== null);
  }
  return state.removed;
}

async function step(kind: SweepKind, after: string | null): Promise<Swept> {
  try {
    return await transfer(`remove old ${kind}`).sweep({ kind, after });
  } catch (error) {
    log.warn('a part of the sweep is left to the next one', { kind, error: String(error) });
    return { next: null, removed: 0 };
  }
}

function advanced(state: SweepProgress): SweepProgress {
  return state.after === null ? { ...state, kind: state.kind + 1 } : state;
}

function show({ removed }: SweepProgress): void {
  setCurrentDetails(
    Object.entries(removed)
      .map(([kind, count]) => `- ${kind}: ${count}`)
      .join('\n'),
  );
}
