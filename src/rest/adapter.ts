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

/** What a dialect may ask of the service. */
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
  /** The origin of absolute URLs in its answers, without a trailing slash. */
  publicUrl(): string;
  /** What the caller presented, in the places that the table names for this dialect. */
  credentialOf(request: Request): Credential;
}

/** What a route finds in its context: Node's request, which knows the connection it came by. */
// biome-ignore lint/style/useConsistentTypeDefinitions: Hono wants what any string may index, which an interface is not.
export type DialectEnv = { Bindings: HttpBindings };

/** Another product's language over the same jobs: its paths, its fields, its errors and nothing else. */
export interface DialectAdapter {
  /** Paths are registered in their canonical form; doubled and trailing slashes are gone before, unless the table says otherwise. */
  routes(app: Hono<DialectEnv>, ports: DialectPorts): void;
  /** Says a failure in the dialect's words. */
  answerKilnError(error: KilnError): Response;
  /** Says in its words how a job has ended; without it the receiver is told in Kiln's own. */
  describeCallback?: DescribeCallback;
}
