import type { Operations } from '../src/app/app.ts';
import type { Actor, Caller } from '../src/domain/access/account.ts';
import type { Sender } from '../src/domain/access/client-address.ts';
import type { KilnError } from '../src/domain/errors.ts';
import type { Log } from '../src/log.ts';

/** The operations that GraphQL calls. */
export type SchemaOperations = Pick<
  Operations,
  | 'checkRateLimit'
  | 'authenticate'
  | 'isAdminToken'
  | 'batchCountsOf'
  | 'cancelBatch'
  | 'cancelJob'
  | 'findAccount'
  | 'grantCredits'
  | 'listLedger'
  | 'quote'
  | 'reconcileCredits'
  | 'completeUpload'
  | 'createAccount'
  | 'createEndpoint'
  | 'createKey'
  | 'createSession'
  | 'watchDeliveries'
  | 'updateEndpoint'
  | 'testEndpoint'
  | 'rotateSecret'
  | 'resumeEndpoint'
  | 'replayDelivery'
  | 'replayDeliveries'
  | 'pauseEndpoint'
  | 'listEndpoints'
  | 'listDeliveries'
  | 'attemptsOf'
  | 'bodyOf'
  | 'findEndpoint'
  | 'findDelivery'
  | 'deleteEndpoint'
  | 'editPlan'
  | 'endSessions'
  | 'explainPolicy'
  | 'findAccount'
  | 'findBatch'
  | 'findFile'
  | 'findJob'
  | 'findPlan'
  | 'isAdminToken'
  | 'jobsOf'
  | 'linkAccount'
  | 'links'
  | 'listAccounts'
  | 'listBatches'
  | 'listFiles'
  | 'listJobs'
  | 'listKeys'
  | 'listPlans'
  | 'prepareUpload'
  | 'queuePositionOf'
  | 'readUsage'
  | 'renameAccount'
  | 'renameKey'
  | 'retryBatch'
  | 'retryJob'
  | 'reportSecrets'
  | 'revokeKey'
  | 'rotateKey'
  | 'rotateSecrets'
  | 'setAccountPlan'
  | 'submitBatch'
  | 'submitJob'
  | 'waitForJob'
  | 'watchBatch'
  | 'watchJob'
  | 'wholeBatch'
  | 'wholeJob'
>;

/** What a resolver knows of its request. */
export interface KilnContext {
  /** Who asks; anonymous for the operator. */
  caller: Caller;
  /** The caller, or the operator. */
  actor: Actor;
  sender: Sender;
  /** Aborted once nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
  /** Rejects with UNAUTHENTICATED or FORBIDDEN once the credential is no longer valid. */
  recheck(): Promise<unknown>;
  /** The error that every mutation of the operation gives as its result; null when it may run. */
  refusal: KilnError | null;
  operations: SchemaOperations;
  /** Base of absolute URLs, without a slash at the end. */
  publicUrl: string;
  log: Log;
}
