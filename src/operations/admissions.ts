import { isIdle, positionOf } from '../domain/admission.ts';
import { chargedAccount } from '../domain/credits.ts';
import { ConversionError } from '../domain/errors.ts';
import { isTerminal, type Job, laneOf } from '../domain/job.ts';
import type { Log } from '../log.ts';
import type { AdmissionRepository } from '../store/admissions.ts';
import type { JobRepository } from '../store/jobs.ts';
import { jobStart } from './job-start.ts';
import type { WorkflowRunner } from './runner.ts';

export interface AdmissionsPorts {
  admissions: AdmissionRepository;
  jobs: Pick<JobRepository, 'getMany' | 'statusesOf'>;
  runner: Pick<WorkflowRunner, 'admitJob'>;
  /** How many jobs of a lane may convert at a time. */
  concurrencyOf(lane: string): Promise<number>;
  /** How many of an account's uploads may be awaited at a time, and of the guests of one address. */
  openUploads: { account: number; guest: number };
  log: Pick<Log, 'warn'>;
  freshMs?: number;
}

/** Plans count everywhere within five seconds. */
const FRESH_MS = 2000;
const PAGE = 500;

export type Admissions = ReturnType<typeof createAdmissions>;

/** Who may convert now, and who waits. Nobody is refused for having too many jobs. */
export function createAdmissions(ports: AdmissionsPorts) {
  const { admissions, jobs, runner, log } = ports;
  const limitOf = remembered(ports.concurrencyOf, ports.freshMs ?? FRESH_MS);

  /** A call that is lost costs time only: whoever waits asks again by itself, or is found by the repair. */
  async function wake(jobIds: readonly string[]): Promise<void> {
    if (jobIds.length === 0) return;
    for (const job of await jobs.getMany(jobIds)) {
      if (isTerminal(job.status)) continue;
      await runner.admitJob(jobStart(job)).catch((error: unknown) => {
        log.warn({ jobId: job._id, error: String(error) }, 'a job that may begin could not be told');
      });
    }
  }

  async function leave(lane: string, jobIds: readonly string[]): Promise<void> {
    await wake(await admissions.leave(lane, jobIds, await limitOf(lane)));
  }

  return {
    /** @throws ConversionError RATE_LIMITED when the lane has too many open uploads. */
    async openUploads(lane: string, jobIds: readonly string[]): Promise<void> {
      const most = ports.openUploads[chargedAccount(lane) === null ? 'guest' : 'account'];
      if (await admissions.open(lane, jobIds, most)) return;
      throw new ConversionError('RATE_LIMITED', `More than ${most} uploads cannot be awaited at a time.`, {
        hint: 'Send or cancel what was prepared before.',
      });
    },

    /** Asks for a place. @returns null when the job may begin, else its position: 1 is next. */
    async admit(job: Job): Promise<number | null> {
      const lane = laneOf(job);
      const entrant = { lane, jobId: job._id, batch: job.batchId !== undefined, limit: await limitOf(lane) };
      const { lane: now, admitted } = await admissions.enter(entrant);
      await wake(admitted.filter((id) => id !== job._id));
      if (admitted.includes(job._id)) return null;
      // Let in by somebody else at this very moment: the call is on its way.
      return positionOf(now, job._id) ?? 1;
    },

    /** Asks for places for jobs of one batch, in their order. @returns those that may begin. */
    async admitBatch(batch: readonly Job[]): Promise<ReadonlySet<string>> {
      const [first] = batch;
      if (!first) return new Set();
      const lane = laneOf(first);
      const jobIds = batch.map(({ _id }) => _id);
      const { lane: now, admitted } = await admissions.enterMany({
        lane,
        jobIds,
        limit: await limitOf(lane),
      });
      await wake(admitted.filter((id) => !jobIds.includes(id)));
      return new Set(now.active);
    },

    /** The job has ended: its place is free. */
    leave: (job: Job): Promise<void> => leave(laneOf(job), [job._id]),

    /** Where a job stands in its queue; null when it does not wait. */
    async positionOf(job: Job): Promise<number | null> {
      if (job.status !== 'queued') return null;
      const lane = await admissions.find(laneOf(job));
      return lane && positionOf(lane, job._id);
    },

    /** Frees the places of jobs that ended without saying so. */
    repairAdmissions: repairer(async (last) => {
      const lanes = await admissions.list(last, PAGE);
      for (const lane of lanes) {
        // An account's lane is needed again; an address may never come back.
        if (isIdle(lane) && chargedAccount(lane._id) === null) await admissions.forget(lane);
        else if (!isIdle(lane)) await leave(lane._id, await endedOf(lane));
      }
      return lanes.length === PAGE ? lanes.at(-1)?._id : undefined;
    }),
  };

  async function endedOf({ open, active, waiting, waitingBatch }: Parameters<typeof isIdle>[0]) {
    const ids = [...open, ...active, ...waiting, ...waitingBatch];
    const statuses = await jobs.statusesOf(ids);
    return ids.filter((id) => {
      const status = statuses.get(id);
      return status === undefined || isTerminal(status);
    });
  }
}

/** Each round takes the next page, then begins again. */
function repairer(round: (last: string) => Promise<string | undefined>): () => Promise<void> {
  let last = '';
  return async () => {
    last = (await round(last)) ?? '';
  };
}

/** Believes an answer for a while. */
function remembered(read: (lane: string) => Promise<number>, freshMs: number) {
  const known = new Map<string, { until: number; limit: Promise<number> }>();
  return (lane: string): Promise<number> => {
    const entry = known.get(lane);
    if (entry && entry.until > performance.now()) return entry.limit;
    const limit = read(lane);
    known.set(lane, { until: performance.now() + freshMs, limit });
    limit.catch(() => known.delete(lane));
    setTimeout(() => known.delete(lane), freshMs).unref();
    return limit;
  };
}
