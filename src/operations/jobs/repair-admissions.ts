import { chargedAccount } from '../../domain/credits/credits.ts';
import { isAwaited, openUploadId, uploadsAmong } from '../../domain/files/file.ts';
import { type Admission, hasQueue, isIdle } from '../../domain/jobs/admission.ts';
import { isTerminal, type JobStatus } from '../../domain/jobs/job.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { AdmissionChecks } from '../../store/admissions/admission-checks.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import type { Admissions } from './admissions.ts';

export interface RepairAdmissionsPorts {
  checks: AdmissionChecks;
  jobs: Pick<JobRepository, 'getMany' | 'statusesOf'>;
  uploads: Pick<UploadRepository, 'findMany'>;
  admissions: Pick<Admissions, 'release' | 'fill' | 'notifyAdmitted'>;
  log: Pick<Log, 'warn'>;
}

const PAGE = 200;
/** Admissions beyond these many pages wait for the next round. */
const MAX_PAGES = 25;
/** A busy admission is checked again after this: within the next round. */
const CHECK_MS = 10_000;
/** An idle admission is removed after this. */
const IDLE_MS = 24 * 3_600_000;
/** Open uploads that are checked: the oldest, since an upload is awaited for a limited time. */
const OPEN_LOOK = 100;
/** An admitted job that is still `queued` this long after its last write is signalled again. */
const NOTIFY_AGAIN_MS = 10_000;

/**
 * Builds the repair of admissions: frees the slots of jobs that ended without leaving, admits waiting jobs while
 * slots are free, and signals admitted jobs again that have not begun. It reads busy admissions only, and of them
 * only the jobs that hold a slot: those that wait cost nothing.
 */
export function createRepairAdmissions(ports: RepairAdmissionsPorts) {
  const { checks, jobs, uploads, admissions, log } = ports;

  async function repair(admission: Admission, statuses: ReadonlyMap<string, JobStatus>, now: number) {
    if (isIdle(admission)) {
      // An account needs its admission again soon; a guest's address may never come back.
      const isForgotten = chargedAccount(admission._id) === null || admission.idleSeq === admission.seq;
      return isForgotten ? checks.forget(admission) : checks.noteIdle(admission, new Date(now + IDLE_MS));
    }
    const ended = heldBy(admission).filter((id) => hasEnded(statuses.get(id)));
    if (ended.length > 0) await admissions.release(admission._id, ended);
    else if (hasQueue(admission)) await admissions.fill(admission);
  }

  /** Signals admitted jobs again that have not begun: the first signal was lost. */
  async function notifyAgain(
    due: readonly Admission[],
    statuses: ReadonlyMap<string, JobStatus>,
    now: number,
  ) {
    const waiting = due.flatMap(({ active }) => active.filter((id) => statuses.get(id) === 'queued'));
    if (waiting.length === 0) return;
    const found = await jobs.getMany(waiting);
    await admissions.notifyAdmitted(
      found.filter(({ updatedAt }) => now - updatedAt.getTime() > NOTIFY_AGAIN_MS),
    );
  }

  /** Returns the status of each job that holds a slot; an upload without a job counts as a job that awaits one. */
  async function statusesOf(held: readonly string[], now: number): Promise<ReadonlyMap<string, JobStatus>> {
    const statuses = await jobs.statusesOf(held);
    const withoutJob = await uploads.findMany(uploadsAmong(held));
    for (const upload of withoutJob.values())
      if (isAwaited(upload, now)) statuses.set(openUploadId(upload), 'awaiting_upload');
    return statuses;
  }

  async function repairPage(due: readonly Admission[], now: number): Promise<void> {
    const statuses = await statusesOf(due.flatMap(heldBy), now);
    await mapConcurrently(due, (admission) =>
      repair(admission, statuses, now).catch((error: unknown) => {
        log.warn(
          { concurrencyKey: admission._id, error: String(error) },
          'could not repair an admission; the next round tries again',
        );
      }),
    );
    await notifyAgain(due, statuses, now);
  }

  return async function repairAdmissions(now = Date.now()): Promise<void> {
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const due = await checks.listDue(new Date(now), PAGE);
      if (due.length === 0) return;
      const ids = due.map(({ _id }) => _id);
      await checks.postpone(ids, new Date(now + CHECK_MS));
      await repairPage(due, now);
      if (due.length < PAGE) return;
    }
  };
}

/** Returns the jobs that hold a slot: those that convert, and the oldest of those that await their upload. */
function heldBy({ active, open }: Admission): string[] {
  return [...active, ...open.slice(0, OPEN_LOOK)];
}

function hasEnded(status: JobStatus | undefined): boolean {
  return status === undefined || isTerminal(status);
}
