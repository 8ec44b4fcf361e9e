import type { JobStart } from '../../src/operations/workflow-runner.ts';
import { recordQueued } from '../../workflows/proxies.ts';

/** A change that would break every running job: it records before it waits. Only the replay test bundles this. */
export async function conversionJob({ jobId }: JobStart): Promise<void> {
  await recordQueued({ jobId });
}
