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
/** An admission in which something happens is looked at again this long after: within the next round. */
const CHECK_MS = 10_000;
/** An admission in which nothing happens is kept this long. */
const IDLE_MS = 24 * 3_600_000;
/** Uploads are awaited for a bounded time, so those that ended without a word are among the oldest. */
const OPEN_LOOK = 100;
/** A job that may begin and was touched more recently is taken to be about to. */
const NOTIFY_AGAIN_MS = 10_000;

/**
 * Frees the places of jobs that ended without saying so, lets in who waits although there is room, and tells
 * those again who may begin and have not. It looks at admissions in which something happens, and in them at those
 * who hold a place: however many wait, they cost nothing.
 */
export function createRepairAdmissions(ports: RepairAdmissionsPorts) {
  const { checks, jobs, uploads, admissions, log } = ports;

  async function repair(admission: Admission, statuses: ReadonlyMap<string, JobStatus>, now: number) {
    if (isIdle(admission)) {
      // An account's is needed again soon; an address may never come back.
      const isForgotten = chargedAccount(admission._id) === null || admission.idleSeq === admission.seq;
      return isForgotten ? checks.forget(admission) : checks.noteIdle(admission, new Date(now + IDLE_MS));
    }
    const ended = heldBy(admission).filter((id) => hasEnded(statuses.get(id)));
    if (ended.length > 0) await admissions.release(admission._id, ended);
    else if (hasQueue(admission)) await admissions.fill(admission);
  }

  /** Whoever was let in while nobody could tell is told now. */
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

  /** How far everybody is who holds a place; an upload without a job is as far as a job that waits for one. */
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

/** The jobs of an admission that take something up: those that convert, and uploads that are awaited for long. */
function heldBy({ active, open }: Admission): string[] {
  return [...active, ...open.slice(0, OPEN_LOOK)];
}

function hasEnded(status: JobStatus | undefined): boolean {
  return status === undefined || isTerminal(status);
}
