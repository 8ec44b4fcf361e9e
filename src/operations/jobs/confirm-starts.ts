import { startLease, uploadLease } from '../../domain/jobs/job-lease.ts';
import type { Log } from '../../log.ts';
import type { JobLeases, StartedJob } from '../../store/job-leases.ts';
import type { JobStart, WorkflowRunner } from '../workflow-runner.ts';

/** Milliseconds whose starts are written together. */
const TOGETHER_MS = 1000;

export interface ConfirmStartsPorts {
  leases: Pick<JobLeases, 'confirmStarts'>;
  log: Pick<Log, 'warn'>;
}

/**
 * Returns a runner that also extends the lease of each job that it starts until after the upload's deadline, so that
 * the repair does not check jobs that only wait for their upload; and `close`, which writes what is left. A lost
 * write costs one check.
 */
export function createConfirmStarts({ leases, log }: ConfirmStartsPorts, runner: WorkflowRunner) {
  let started: StartedJob[] = [];
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const noted = started;
    started = [];
    await leases.confirmStarts(noted).catch((error: unknown) => {
      log.warn({ jobs: noted.length, error: String(error) }, 'started jobs could not be noted as such');
    });
  }

  function note({ jobId, batchId, uploadDeadline }: JobStart): void {
    // The batch takes care of its jobs.
    if (uploadDeadline === null || batchId !== undefined) return;
    started.push({ jobId, seen: startLease(), until: uploadLease(uploadDeadline) });
    timer ??= setTimeout(write, TOGETHER_MS).unref();
  }

  return {
    runner: {
      ...runner,
      async startJob(start: JobStart): Promise<void> {
        await runner.startJob(start);
        note(start);
      },
    } satisfies WorkflowRunner,
    close: write,
  };
}
