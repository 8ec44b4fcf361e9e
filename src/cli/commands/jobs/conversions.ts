import { createGraphqlClient, type Service } from '../../service-client/graphql-client.ts';
import { REFUSAL, mutate as send } from '../../service-client/mutation.ts';
import { CommandError } from '../../terminal/command-error.ts';

/** A job as the commands show it. */
/** Most files that are sent or fetched at a time: enough to keep a connection busy without taking all of it. */
export const MAX_TRANSFERS = 4;

export interface JobView {
  jobId: string;
  status: string;
  warnings: string[];
  error: { code: string; message: string } | null;
  inputs: { filename: string; size: number }[];
  conversions: { source: string | null; target: string; engine: string | null; engineMs: number | null }[];
  outputs: OutputView[];
  createdAt: string;
}

/** A result and its signed link. */
export interface OutputView {
  filename: string;
  mime: string;
  size: number;
  sha256: string;
  width: number | null;
  height: number | null;
  downloadUrl: string;
}

/** One message of a watched job. */
export interface JobEventView {
  kind: string;
  status: string;
  message: string | null;
  progress: { percent: number; stage: string } | null;
  job: JobView;
}

/** Where the bytes of a file are to be sent. */
export interface UploadView {
  id: string;
  fileId: string;
  filename: string;
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  completeUrl: string;
}

/** A file that is to be sent. */
export interface FileToSend {
  filename: string;
  mime: string;
  size: number;
}

/** What to convert, and into what. */
export interface ConversionRequest {
  upload?: FileToSend;
  fileId?: string;
  target: string;
  options?: Record<string, unknown>;
  /** Milliseconds to wait for the end before the call returns. */
  wait?: number;
  /** Makes a repeat of the call the same job. */
  idempotencyKey?: string;
}

export type Conversions = ReturnType<typeof createConversions>;

/** The fields of a job that every document here selects. */
export const JOB = `fragment JobParts on Job {
  jobId status warnings createdAt
  error { code message }
  inputs { filename size }
  conversions { source target engine engineMs }
  outputs { filename mime size sha256 width height downloadUrl }
}`;
/** The fields of an upload that every document here selects. */
export const UPLOAD = 'upload { id fileId filename method url headers { name value } completeUrl }';

const CREATE_JOB = `mutation CreateJob($input: CreateJobInput!) {
  createJob(input: $input) { ... on CreateJobSuccess { job { ...JobParts } ${UPLOAD} } ${REFUSAL} }
} ${JOB}`;
const COMPLETE_JOB = `mutation CompleteJob($id: ID!, $wait: Int) {
  completeJob(id: $id, wait: $wait) { ... on CompleteJobSuccess { job { ...JobParts } } ${REFUSAL} }
} ${JOB}`;
const CANCEL_JOB = `mutation CancelJob($id: ID!) { cancelJob(id: $id) { __typename ${REFUSAL} } }`;
const PREPARE_UPLOAD = `mutation PrepareUpload($input: UploadInput!) {
  prepareUpload(input: $input) { ... on PrepareUploadSuccess { ${UPLOAD} } ${REFUSAL} }
}`;
const COMPLETE_UPLOAD = `mutation CompleteUpload($id: ID!) {
  completeUpload(id: $id) { ... on CompleteUploadSuccess { file { fileId } } ${REFUSAL} }
}`;
const JOB_EVENTS = `subscription JobEvents($jobId: ID!) {
  jobEvents(jobId: $jobId) { kind status message progress { percent stage } job { ...JobParts } }
} ${JOB}`;
const JOBS = `query Jobs($first: Int!) { jobs(first: $first) { edges { node { ...JobParts } } } } ${JOB}`;

/** Creates the calls of commands, demo and bench, in the order in which a conversion needs them. */
export function createConversions(service: Service) {
  const graphql = createGraphqlClient(service);
  const mutate = <Success>(name: string, document: string, variables: Record<string, unknown>) =>
    send<Success>(graphql, name, document, variables);

  return {
    create: (input: ConversionRequest) =>
      mutate<{ job: JobView; upload: UploadView | null }>('createJob', CREATE_JOB, { input }),
    complete: async (jobId: string, wait?: number) =>
      (await mutate<{ job: JobView }>('completeJob', COMPLETE_JOB, { id: jobId, wait })).job,
    cancel: (jobId: string) => mutate('cancelJob', CANCEL_JOB, { id: jobId }),
    prepareUpload: async (input: FileToSend) =>
      (await mutate<{ upload: UploadView }>('prepareUpload', PREPARE_UPLOAD, { input })).upload,
    completeUpload: (id: string) => mutate('completeUpload', COMPLETE_UPLOAD, { id }),

    async send({ url, method, headers }: UploadView, body: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
      const entries = headers.map(({ name, value }): [string, string] => [name, value]);
      await accept(await fetch(url, { method, headers: Object.fromEntries(entries), body }), 'upload');
    },

    /** Says by the signed link, which counts as no call of the API, that all bytes were sent. */
    async finish({ completeUrl }: UploadView): Promise<void> {
      await accept(await fetch(completeUrl, { method: 'POST' }), 'upload');
    },

    async *watch(jobId: string): AsyncGenerator<JobEventView> {
      for await (const { jobEvents } of graphql.subscribe<{ jobEvents: JobEventView }>(JOB_EVENTS, {
        jobId,
      })) {
        yield jobEvents;
      }
    },

    async list(first: number): Promise<JobView[]> {
      const { jobs } = await graphql.request<{ jobs: { edges: { node: JobView }[] } }>(JOBS, { first });
      return jobs.edges.map(({ node }) => node);
    },

    async download({ downloadUrl }: Pick<OutputView, 'downloadUrl'>): Promise<Response> {
      const response = await fetch(downloadUrl);
      await accept(response, 'download');
      return response;
    },

    close: () => graphql.close(),
  };
}

/** Returns the one result of a job. @throws CommandError if it is not ready. */
export function resultOf({ status, error, outputs }: JobView): OutputView {
  const [output] = outputs;
  if (status === 'READY' && output) return output;
  throw new CommandError(error?.message ?? `The job is ${status.toLowerCase()} and has no result.`);
}

async function accept(response: Response, action: 'upload' | 'download'): Promise<void> {
  if (response.ok) return;
  const { error } = await response.json().catch(() => ({ error: undefined }));
  throw new CommandError(error?.message ?? `The ${action} was answered with ${response.status}.`);
}
