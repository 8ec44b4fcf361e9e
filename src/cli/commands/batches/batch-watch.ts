import { CommandError } from '../../terminal/command-error.ts';
import { createStatusLine, renderBar } from '../../terminal/terminal.ts';
import type { Batches, BatchView, CountsView } from './batch-client.ts';

/** Shows a bar while the jobs of a batch run, and returns the batch as it ended. */
export async function watchBatchToEnd(
  batches: Batches,
  batchId: string,
  { quiet }: { quiet: boolean },
): Promise<BatchView> {
  const line = createStatusLine(process.stderr);
  for await (const { counts } of batches.watch(batchId)) {
    if (!quiet) line.show(`${renderBar(percentOf(counts))}  ${describeCounts(counts)}`);
  }
  line.clear();
  const batch = await batches.get(batchId);
  if (batch.status !== 'PROCESSING') return batch;
  throw new CommandError('The connection ended before the batch did.', {
    hint: `Go on with \`kiln batches watch ${batchId}\`.`,
  });
}

/** Returns the counts in words, such as `12 of 40 ready, 1 failed`. */
export function describeCounts({ total, ready, failed, cancelled, expired }: CountsView): string {
  const others = Object.entries({ failed, cancelled, expired }).filter(([, count]) => count > 0);
  return [`${ready} of ${total} ready`, ...others.map(([state, count]) => `${count} ${state}`)].join(', ');
}

/** Returns `1 file`, `12 files`. */
export function countFiles(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}

function percentOf({ total, pending }: CountsView): number {
  return (100 * (total - pending)) / total;
}
