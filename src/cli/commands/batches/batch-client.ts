import { createGraphqlClient, type Service } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { type ConversionRequest, JOB, type JobView, UPLOAD, type UploadView } from '../jobs/conversions.ts';

/** How many jobs of a batch are in which state. */
export type CountsView = Record<'total' | 'pending' | 'ready' | 'failed' | 'cancelled' | 'expired', number>;

/** A batch as the commands show it. */
export interface BatchView {
  batchId: string;
  label: string | null;
  status: string;
  counts: CountsView;
  archive: {
    filename: string;
    size: number | null;
    downloadUrl: string | null;
    error: { code: string; message: string } | null;
  } | null;
  cancelling: boolean;
  retryOf: string | null;
  createdAt: string;
  finishedAt: string | null;
}

/** One message of a watched batch. */
interface BatchEventView {
  kind: string;
  seq: number | null;
  at: string;
  status: string;
  jobId: string | null;
  jobStatus: string | null;
  message: string | null;
  counts: CountsView;
}

/** A new batch, and for each job where its file is to be sent, if it was not stored before. */
export interface NewBatchView {
  batch: BatchView;
  jobs: { job: JobView; upload: UploadView | null }[];
}

/** The request for a batch. */
interface BatchRequest {
  label: string | undefined;
  archive: boolean;
  jobs: ConversionRequest[];
  /** Makes a repeat of the call the same batch. */
  idempotencyKey?: string;
}

export type Batches = ReturnType<typeof createBatches>;

/** Most jobs of a page. */
export const JOBS_A_PAGE = 100;

const COUNTS = 'counts { total pending ready failed cancelled expired }';
const BATCH = `fragment BatchParts on Batch {
  batchId label status ${COUNTS} cancelling retryOf createdAt finishedAt
  archive { filename size downloadUrl error { code message } }
}`;
const CREATED = `{
  ... on CreateBatchSuccess { batch { ...BatchParts } jobs { job { ...JobParts } ${UPLOAD} } } ${REFUSAL}
}`;

const CREATE = `mutation CreateBatch($input: CreateBatchInput!) { createBatch(input: $input) ${CREATED} }
${BATCH} ${JOB}`;
const RETRY = `mutation RetryBatch($id: ID!) { retryBatch(id: $id) ${CREATED} } ${BATCH} ${JOB}`;
const CANCEL = `mutation CancelBatch($id: ID!) {
  cancelBatch(id: $id) { ... on CancelBatchSuccess { batch { ...BatchParts } } ${REFUSAL} }
} ${BATCH}`;
const LIST = `query Batches($first: Int!) { batches(first: $first) { edges { node { ...BatchParts } } } } ${BATCH}`;
const ONE = `query Batch($id: ID!) { batch(id: $id) { ...BatchParts } } ${BATCH}`;
const SOME_JOBS = `query BatchJobs($id: ID!, $from: Int!, $count: Int!) {
  batch(id: $id) { jobs(from: $from, count: $count) { ...JobParts } }
} ${JOB}`;
const EVENTS = `subscription BatchEvents($batchId: ID!) {
  batchEvents(batchId: $batchId) { kind seq at status jobId jobStatus message ${COUNTS} }
}`;

/** Creates the calls of the commands on batches. */
export function createBatches(service: Service) {
  const graphql = createGraphqlClient(service);

  return {
    create: (input: BatchRequest) => mutate<NewBatchView>(graphql, 'createBatch', CREATE, { input }),
    retry: (id: string) => mutate<NewBatchView>(graphql, 'retryBatch', RETRY, { id }),
    cancel: async (id: string) =>
      (await mutate<{ batch: BatchView }>(graphql, 'cancelBatch', CANCEL, { id })).batch,

    async list(first: number): Promise<BatchView[]> {
      const { batches } = await graphql.request<{ batches: { edges: { node: BatchView }[] } }>(LIST, {
        first,
      });
      return batches.edges.map(({ node }) => node);
    },

    get: async (id: string) => (await graphql.request<{ batch: BatchView }>(ONE, { id })).batch,

    /** Returns a page of a batch's jobs, in the order of the request. */
    async jobs(id: string, from = 0): Promise<JobView[]> {
      const page = { id, from, count: JOBS_A_PAGE };
      return (await graphql.request<{ batch: { jobs: JobView[] } }>(SOME_JOBS, page)).batch.jobs;
    },

    async *watch(batchId: string): AsyncGenerator<BatchEventView> {
      const events = graphql.subscribe<{ batchEvents: BatchEventView }>(EVENTS, { batchId });
      for await (const { batchEvents } of events) yield batchEvents;
    },

    close: () => graphql.close(),
  };
}
