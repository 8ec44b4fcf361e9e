import { chargedAccount } from '../../domain/credits/credits.ts';
import { KilnError, raisedBy } from '../../domain/errors.ts';
import type { Admission } from '../../domain/jobs/admission.ts';
import { concurrencyKeyOf, isTerminal, type Job } from '../../domain/jobs/job.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { AdmissionRepository } from '../../store/admissions/admissions.ts';
import type { JobRepository } from '../../store/jobs.ts';
import { createRecent } from '../recent.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { jobStart } from './job-start.ts';

export interface AdmissionsPorts {
  admissions: AdmissionRepository;
  jobs: Pick<JobRepository, 'getMany'>;
  runner: Pick<WorkflowRunner, 'admitJob'>;
  /** How many jobs of a concurrency key may convert at a time. */
  concurrencyOf(concurrencyKey: string): Promise<number>;
  /** How many uploads may be open at a time: of an account, and of the guests of one address together. */
  openUploads: { account: number; guest: number };
  log: Pick<Log, 'warn'>;
  freshMs?: number;
}

/** Plans count everywhere within five seconds. */
const FRESH_MS = 2000;

export type Admissions = ReturnType<typeof createAdmissions>;

/** Builds the admission of jobs: lets as many convert as the plan allows and queues the others; rejects none. */
export function createAdmissions(ports: AdmissionsPorts) {
  const { admissions, jobs, runner, log } = ports;
  const { get: limitOf } = createRecent(ports.concurrencyOf, ports.freshMs ?? FRESH_MS);

  /**
   * Signals jobs that they may begin; logs what fails. A lost signal costs time only: the job's workflow asks again,
   * or the repair signals again.
   */
  async function notifyAdmitted(those: readonly Job[]): Promise<void> {
    await mapConcurrently(those, (job) =>
      runner.admitJob(jobStart(job)).catch((error: unknown) => {
        log.warn({ jobId: job._id, error: String(error) }, 'a job that may begin could not be told');
      }),
    );
  }

  /** Signals admitted jobs. Releases the slots of those that ended while they waited. */
  async function wake(concurrencyKey: string, jobIds: readonly string[]): Promise<void> {
    if (jobIds.length === 0) return;
    const open = (await jobs.getMany(jobIds)).filter(({ status }) => !isTerminal(status));
    await notifyAdmitted(open);
    const alive = new Set(open.map(({ _id }) => _id));
    const gone = jobIds.filter((id) => !alive.has(id));
    if (gone.length > 0) await release(concurrencyKey, gone);
  }

  /** Frees the slots of ended jobs and admits the next in the queue. */
  async function release(concurrencyKey: string, jobIds: readonly string[]): Promise<void> {
    await wake(concurrencyKey, await admissions.leave(concurrencyKey, jobIds, await limitOf(concurrencyKey)));
  }

  return {
    /** @throws KilnError RATE_LIMITED when too many uploads of the key are open. */
    async openUploads(concurrencyKey: string, jobIds: readonly string[]): Promise<void> {
      const isGuest = chargedAccount(concurrencyKey) === null;
      const most = ports.openUploads[isGuest ? 'guest' : 'account'];
      if (await admissions.open(concurrencyKey, jobIds, most)) return;
      throw new KilnError('RATE_LIMITED', `At most ${most} uploads may be open at a time.`, {
        hint: `Send or cancel what was prepared before. ${isGuest ? 'An account may have more.' : raisedBy('KILN_LIMIT_OPEN_UPLOADS')}`,
      });
    },

    /** Admits or queues a job. Returns null if it may begin, else its position (1 is next). May be repeated. */
    async admit(job: Job): Promise<number | null> {
      const concurrencyKey = concurrencyKeyOf(job);
      const entrant = {
        concurrencyKey,
        jobId: job._id,
        batch: job.batchId !== undefined,
        limit: await limitOf(concurrencyKey),
      };
      const { position, admitted } = await admissions.enter(entrant);
      await wake(
        concurrencyKey,
        admitted.filter((id) => id !== job._id),
      );
      if (admitted.includes(job._id)) return null;
      // Admitted by another call at this moment, which also signals it.
      return position ?? 1;
    },

    /** Admits or queues jobs of one batch, in their order. Returns the ids of those that may begin. */
    async admitBatch(batch: readonly Job[]): Promise<ReadonlySet<string>> {
      const [first] = batch;
      if (!first) return new Set();
      const concurrencyKey = concurrencyKeyOf(first);
      const jobIds = batch.map(({ _id }) => _id);
      const { admission, admitted } = await admissions.enterMany({
        concurrencyKey,
        jobIds,
        limit: await limitOf(concurrencyKey),
      });
      await wake(
        concurrencyKey,
        admitted.filter((id) => !jobIds.includes(id)),
      );
      return new Set(admission.active);
    },

    /** Frees the slot of an ended job. */
    leave: (job: Job): Promise<void> => release(concurrencyKeyOf(job), [job._id]),

    /** Returns the job's position (1 is next); null if it does not wait. */
    async positionOf(job: Pick<Job, '_id' | 'status' | 'lane' | 'owner'>): Promise<number | null> {
      return job.status === 'queued' ? admissions.positionOf(concurrencyKeyOf(job), job._id) : null;
    },

    release,
    notifyAdmitted,

    /** Admits waiting jobs while slots are free. */
    async fill(admission: Admission): Promise<void> {
      await wake(admission._id, await admissions.fill(admission, await limitOf(admission._id)));
    },
  };
}
