import { chargedAccount } from '../../domain/credits/credits.ts';
import { GRACE_MS, LINKED_MS, type Retention } from '../../domain/files/retention.ts';
import type { ExpiredPage } from '../../store/mongo/expired.ts';
import type { EndedBatch, EndedJob, OldDelivery, RetentionRepository } from '../../store/retention.ts';
import { pageOf, type SweptPage } from './sweep-pages.ts';

export interface SweepRecordsPorts {
  retention: RetentionRepository;
  lifetimes: Retention;
}

type Page = Omit<ExpiredPage, 'until'>;

/** Jobs, batches and deliveries that ended long ago. */
export function createSweepRecords({ retention, lifetimes }: SweepRecordsPorts) {
  const endedBefore = (now: number, lifeMs: number) => new Date(now - Math.max(lifeMs, GRACE_MS));

  /** Paid for, but not settled: what they used is known from the job alone. */
  async function unsettled(jobs: readonly EndedJob[]): Promise<Set<string>> {
    const paid = jobs.filter(({ spent = 0 }) => spent > 0);
    const accountIds = paid.map(({ owner }) => chargedAccount(owner)).filter((id) => id !== null);
    return retention.unsettledJobs(
      [...new Set(accountIds)],
      paid.map(({ _id }) => _id),
    );
  }

  return {
    /** A job stays as long as its batch, and as long as somebody has to be told of it or may still look after it. */
    async sweepJobs(page: Page, now: number): Promise<SweptPage<EndedJob>> {
      const jobs = await retention.endedJobs({ ...page, until: endedBefore(now, lifetimes.jobMs) });
      const [batches, withDeliveries, held] = await Promise.all([
        retention.knownBatches(jobs.map(({ batchId }) => batchId).filter((id) => id !== undefined)),
        retention.subjectsOfOpenDeliveries(jobs.map(({ _id }) => _id)),
        unsettled(jobs),
      ]);
      const isNeeded = ({ _id, batchId, callback, repairAt, finishedAt }: EndedJob) =>
        held.has(_id) ||
        withDeliveries.has(_id) ||
        (batchId !== undefined && batches.has(batchId)) ||
        ((callback?.status === 'pending' || repairAt !== undefined) &&
          now < finishedAt.getTime() + LINKED_MS);
      const removed = await retention.removeJobs(jobs.filter((job) => !isNeeded(job)));
      return pageOf(jobs, 'finishedAt', page, removed);
    },

    async sweepBatches(page: Page, now: number): Promise<SweptPage<EndedBatch>> {
      const batches = await retention.endedBatches({ ...page, until: endedBefore(now, lifetimes.jobMs) });
      const withDeliveries = await retention.subjectsOfOpenDeliveries(batches.map(({ _id }) => _id));
      const removed = await retention.removeBatches(batches.filter(({ _id }) => !withDeliveries.has(_id)));
      return pageOf(batches, 'finishedAt', page, removed);
    },

    /** One that was sent again counts from its last end. */
    async sweepDeliveries(page: Page, now: number): Promise<SweptPage<OldDelivery>> {
      const until = endedBefore(now, lifetimes.deliveryMs);
      const deliveries = await retention.oldDeliveries({ ...page, until });
      const ended = ({ stateSince, updatedAt, createdAt }: OldDelivery) =>
        stateSince ?? updatedAt ?? createdAt;
      const removed = await retention.removeDeliveries(deliveries.filter((one) => ended(one) <= until));
      return pageOf(deliveries, 'createdAt', page, removed);
    },
  };
}
