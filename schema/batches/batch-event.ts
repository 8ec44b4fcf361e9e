import { type Batch as BatchRecord, countsOf } from '../../src/domain/batches/batch.ts';
import { eventsAfter } from '../../src/domain/jobs/job.ts';
import type { BatchUpdate } from '../../src/operations/batches/watch-batch.ts';
import { builder } from '../builder.ts';
import { uuidOf } from '../global-id.ts';
import { cancellable } from '../jobs/cancellable.ts';
import { JobStatus } from '../jobs/job.ts';
import { requireSeq } from '../jobs/job-event.ts';
import { Batch, BatchCounts, BatchStatus } from './batch.ts';

const BatchEventKind = builder.enumType('BatchEventKind', {
  description: 'What kind of event it is.',
  values: {
    STATUS: { value: 'status', description: 'The batch began, is being cancelled, or is over.' },
    JOB: { value: 'job', description: 'One of its jobs has ended.' },
    ARCHIVE: { value: 'archive', description: 'The results are packed, or could not be.' },
    SNAPSHOT: {
      value: 'snapshot',
      description: 'Stands for older events that are no longer kept: read `batch`.',
    },
  } as const,
});

const BatchEvent = builder.objectRef<BatchUpdate>('BatchEvent').implement({
  description: 'Something that happened to a batch.',
  fields: (t) => ({
    kind: t.field({
      type: BatchEventKind,
      description: 'What kind of event it is.',
      resolve: (update) => (update.kind === 'event' ? update.event.type : update.kind),
    }),
    seq: t.int({
      nullable: true,
      description: 'Its number: ask for what comes after it when a connection broke. Null for SNAPSHOT.',
      resolve: (update) => (update.kind === 'event' ? update.event.seq : null),
    }),
    at: t.field({
      type: 'DateTime',
      description: 'When it happened.',
      resolve: (update) => (update.kind === 'event' ? update.event.at : update.batch.updatedAt),
    }),
    status: t.field({
      type: BatchStatus,
      description: 'The state of the batch after it.',
      resolve: (update) => (update.kind === 'event' ? update.event.status : update.batch.status),
    }),
    jobId: t.id({
      nullable: true,
      description: 'UUID of the job that has ended; null unless JOB.',
      resolve: (update) => (update.kind === 'event' ? update.event.jobId : null),
    }),
    jobStatus: t.field({
      type: JobStatus,
      nullable: true,
      description: 'How that job ended; null unless JOB.',
      resolve: (update) => (update.kind === 'event' ? update.event.outcome : null),
    }),
    message: t.string({
      nullable: true,
      description: 'More about it, for people; null when there is no more to say.',
      resolve: (update) => (update.kind === 'event' ? update.event.message : null),
    }),
    counts: t.field({
      type: BatchCounts,
      description: 'The jobs of the batch by where they stand now.',
      resolve: ({ batch }) => countsOf(batch),
    }),
    truncated: t.boolean({
      description: 'Whether events before this one are missing, since only the latest are kept.',
      resolve: ({ kind }) => kind === 'snapshot',
    }),
    batch: t.expose('batch', { type: Batch, description: 'The batch as it is now.' }),
  }),
});

const after = {
  defaultValue: 0,
  required: true,
  description: 'Only events with a higher `seq`: the last that you have seen.',
} as const;

builder.objectField(Batch, 'events', (t) =>
  t.field({
    type: [BatchEvent],
    description: 'What happened to it, oldest first; the latest 500 are kept.',
    complexity: { field: 1, multiplier: 50 },
    args: { after: t.arg.int(after) },
    resolve: async (batch, { after: seen }, { operations }) =>
      pastOf(await operations.wholeBatch(batch), requireSeq(seen)),
  }),
);

builder.subscriptionField('batchEvents', (t) =>
  t.field({
    type: BatchEvent,
    description:
      'Streams everything that happens to one of your batches: first what came after `after`, then live. Completes when the batch is over.',
    args: {
      batchId: t.arg.id({ required: true, description: 'The `id` or `batchId` of the batch.' }),
      after: t.arg.int(after),
    },
    subscribe: (_root, args, { operations, caller }) => {
      const id = uuidOf('Batch', args.batchId, 'batchId');
      const seen = requireSeq(args.after);
      return cancellable((signal) => operations.watchBatch(caller, id, seen, signal));
    },
    resolve: (update) => update,
  }),
);

function pastOf(batch: BatchRecord, seen: number): BatchUpdate[] {
  const { events, truncated } = eventsAfter(batch, seen);
  const kept = events.map((event): BatchUpdate => ({ kind: 'event', event, batch }));
  return truncated ? [{ kind: 'snapshot', batch }, ...kept] : kept;
}
