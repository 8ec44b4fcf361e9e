import type { Operations } from '../src/app.ts';
import type { Actor, Caller } from '../src/domain/account.ts';
import type { Log } from '../src/log.ts';

/** What GraphQL asks of the service; every other operation is none of its business. */
export type SchemaOperations = Pick<
  Operations,
  | 'authenticate'
  | 'isAdminToken'
  | 'cancelJob'
  | 'findAccount'
  | 'grantCredits'
  | 'listLedger'
  | 'quote'
  | 'reconcileCredits'
  | 'completeUpload'
  | 'findFile'
  | 'findJob'
  | 'links'
  | 'listFiles'
  | 'listJobs'
  | 'prepareUpload'
  | 'submitJob'
  | 'waitForJob'
  | 'watchJob'
>;

/** What a resolver knows of its request. */
export interface KilnContext {
  caller: Caller;
  /** The same, unless the operator asks, who is no caller of anything but the admin part. */
  actor: Actor;
  operations: SchemaOperations;
  /** Base of absolute URLs, without a slash at the end. */
  publicUrl: string;
  log: Log;
}
