import type {
  BatchArchive as ArchiveRecord,
  Batch as BatchRecord,
  BatchSummary,
  BatchCounts as Counts,
  BatchStatus as Status,
} from '../../src/domain/batches/batch.ts';
import { KilnError } from '../../src/domain/errors.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';
import { Job, valuesOf } from '../jobs/job.ts';
import { Failure } from '../jobs/job-parts.ts';
import { pageCost, pageOf } from '../page.ts';

const STATUSES: Readonly<Record<Status, string>> = {
  processing: 'Some jobs have not ended.',
  ready: 'All jobs are ready.',
  partial: 'Some jobs are ready, and some are not.',
  failed: 'No job is ready.',
  cancelled: 'Cancelled before any job was ready.',
};

/** Where a batch stands. */
export const BatchStatus = builder.enumType('BatchStatus', {
  description: 'Where a batch stands. Everything but PROCESSING is final.',
  values: valuesOf(STATUSES),
});

/** Jobs of a batch by where they stand. */
export const BatchCounts = builder.objectRef<Counts>('BatchCounts').implement({
  description: 'Jobs of a batch by where they stand.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All jobs.' }),
    pending: t.exposeInt('pending', { description: 'Jobs that have not ended.' }),
    ready: t.exposeInt('ready', { description: 'Jobs with a result.' }),
    failed: t.exposeInt('failed', { description: 'Jobs that ended without one.' }),
    cancelled: t.exposeInt('cancelled', { description: 'Jobs that were cancelled.' }),
    expired: t.exposeInt('expired', { description: 'Jobs whose file did not arrive in time.' }),
  }),
});

const BatchArchive = builder.objectRef<ArchiveRecord>('BatchArchive').implement({
  description: 'All results of a batch in one ZIP file.',
  fields: (t) => ({
    filename: t.exposeString('filename', { description: 'Its name.' }),
    size: t.expose('size', {
      type: 'ByteCount',
      nullable: true,
      description: 'Size in bytes; null until the batch is over.',
    }),
    downloadUrl: t.string({
      nullable: true,
      description: 'Signed link to it; null until the batch is over, and when it has expired.',
      resolve: ({ fileId, filename, expiresAt }, _args, { operations, publicUrl }) =>
        fileId && expiresAt && expiresAt.getTime() > Date.now()
          ? publicUrl + operations.links.downloadPath({ _id: fileId, filename, expiresAt })
          : null,
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is removed; null until the batch is over.',
    }),
    error: t.expose('error', {
      type: Failure,
      nullable: true,
      description: 'Why it could not be made; null unless that is so.',
    }),
  }),
});

/** Jobs that were asked for together. Those of a list know no more of their jobs than how many there are. */
export const Batch = builder.objectRef<BatchSummary & Partial<BatchRecord>>('Batch');

builder.node(Batch, {
  description: 'Jobs that were asked for together. They are ordinary jobs; the batch counts them.',
  id: { resolve: ({ _id }) => _id },
  loadWithoutCache: (id, { operations, caller }) => orNull(operations.findBatch(caller, id)),
  fields: (t) => ({
    batchId: t.exposeID('_id', { description: 'The bare UUID, as other APIs of Kiln show it.' }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'What its owner calls it; null when it has no name.',
    }),
    status: t.expose('status', { type: BatchStatus, description: 'Where it stands.' }),
    counts: t.field({
      type: BatchCounts,
      description: 'Its jobs by where they stand.',
      resolve: (batch, _args, { operations }) => operations.batchCountsOf(batch),
    }),
    jobs: t.field({
      type: [Job],
      description: 'Some of its jobs, in the order in which they were asked for.',
      args: {
        from: t.arg.int({ required: true, defaultValue: 0, description: 'How many to pass over.' }),
        count: t.arg.int({ required: true, defaultValue: 25, description: 'How many, at most 100.' }),
      },
      complexity: ({ count }) => ({ field: Math.max(count, 1), multiplier: Math.max(count, 1) }),
      resolve: (batch, { from, count }, { operations }) => {
        if (from < 0) throw new KilnError('INVALID_INPUT', '`from` must be 0 or more.', { field: 'from' });
        if (count < 0 || count > MAX_JOBS)
          throw new KilnError('INVALID_INPUT', `\`count\` must be 0 to ${MAX_JOBS}.`, { field: 'count' });
        return operations.jobsOf(batch, from, count);
      },
    }),
    archive: t.expose('archive', {
      type: BatchArchive,
      nullable: true,
      description: 'All results in one ZIP file; null unless it was asked for.',
    }),
    cancelling: t.boolean({
      description: 'Whether somebody has cancelled it; its jobs then end one by one.',
      resolve: ({ cancelReason }) => cancelReason !== null,
    }),
    retryOf: t.exposeID('retryOf', {
      nullable: true,
      description: 'UUID of the batch whose jobs this one repeats; null when it repeats none.',
    }),
    seq: t.exposeInt('seq', { description: 'How many events there were so far.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its last job had ended; null before that.',
    }),
  }),
});

const MAX_JOBS = 100;

builder.objectField(Job, 'batch', (t) =>
  t.field({
    type: Batch,
    nullable: true,
    description: 'The batch that it came with; null when it came alone.',
    complexity: 5,
    resolve: ({ batchId }, _args, { operations, caller }) =>
      batchId === undefined ? null : orNull(operations.findBatch(caller, batchId)),
  }),
);

builder.queryFields((t) => ({
  batch: t.field({
    type: Batch,
    nullable: true,
    description: 'One of your batches; null with the error NOT_FOUND when you own no such batch.',
    args: { id: t.arg.id({ required: true, description: 'Its `id` or `batchId`.' }) },
    resolve: (_root, { id }, { operations, caller }) =>
      operations.findBatch(caller, uuidOf('Batch', id, 'id')),
  }),
  batches: t.connection({
    type: Batch,
    description: 'Your batches, newest first.',
    complexity: pageCost,
    resolve: (_root, args, { operations, caller }) =>
      pageOf(args, (page) => operations.listBatches(caller, page)),
  }),
}));

const CancelBatchSuccess = builder.objectRef<{ batch: BatchRecord }>('CancelBatchSuccess').implement({
  description: 'The jobs of the batch are being cancelled.',
  fields: (t) => ({
    batch: t.expose('batch', { type: Batch, description: 'The batch.' }),
  }),
});

const idArg = { required: true, description: 'The `id` or `batchId` of the batch.' } as const;

builder.mutationFields((t) => ({
  cancelBatch: t.field({
    type: CancelBatchSuccess,
    errors: EXPECTED,
    description:
      'Cancels all jobs of a batch that have not ended. May be repeated; WRONG_STATE once the batch is over.',
    args: { id: t.arg.id(idArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        batch: await context.operations.cancelBatch(context.caller, uuidOf('Batch', id, 'id')),
      })),
  }),
}));
