import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { KilnError } from '../domain/errors.ts';
import type { Job } from '../domain/jobs/job.ts';
import type { DescribeCallback } from '../domain/webhooks/callback.ts';
import type { Credential, createAuthenticate } from '../operations/access/authenticate.ts';
import type { createCheckRateLimit } from '../operations/access/check-rate-limit.ts';
import type { createFindBatches } from '../operations/batches/find-batches.ts';
import type { createSubmitBatch } from '../operations/batches/submit-batch.ts';
import type { createFindJobs } from '../operations/jobs/find-jobs.ts';
import type { createSubmitJob } from '../operations/jobs/submit-job.ts';
import type { Links } from '../secrets/links.ts';

/** The operations that dialects use. */
export interface DialectOperations
  extends Pick<ReturnType<typeof createFindJobs>, 'findJob' | 'jobOfSignedToken'>,
    Pick<ReturnType<typeof createFindBatches>, 'findBatch' | 'jobsOf'> {
  authenticate: ReturnType<typeof createAuthenticate>;
  checkRateLimit: ReturnType<typeof createCheckRateLimit>['checkRateLimit'];
  submitJob: ReturnType<typeof createSubmitJob>;
  submitBatch: ReturnType<typeof createSubmitBatch>;
  queuePositionOf(job: Job): Promise<number | null>;
  links: Links;
}

/** What every dialect is built from. */
export interface DialectPorts {
  operations: DialectOperations;
  /** Returns the origin of absolute URLs in its answers, without a trailing slash. */
  publicUrl(): string;
  /** Returns the caller's credential, from the places that the table names for this dialect. */
  credentialOf(request: Request): Credential;
}

/** What a route finds in its context: Node's request, which knows its connection. */
// biome-ignore lint/style/useConsistentTypeDefinitions: Hono wants what any string may index, which an interface is not.
export type DialectEnv = { Bindings: HttpBindings };

/** Another product's API over the same jobs: its paths, its fields, its errors and nothing else. */
export interface DialectAdapter {
  /** Registers its routes. Requests arrive without doubled and trailing slashes, unless the table says otherwise. */
  routes(app: Hono<DialectEnv>, ports: DialectPorts): void;
  /** Answers an error in the dialect's format. */
  answerKilnError(error: KilnError): Response;
  /** Builds the callback of an ended job in the dialect's format; Kiln's own is sent if it is absent. */
  describeCallback?: DescribeCallback;
}
