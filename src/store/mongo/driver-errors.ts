import {
  BSON,
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoStalePrimaryError,
  MongoTopologyClosedError,
  MongoUnexpectedServerResponseError,
} from 'mongodb';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';

/** How the server says that there is a document with this key already. */
const DUPLICATE_KEY = 11_000;

/** No server was reached, or this process is on its way out and another one will take over. */
const AWAY = [
  MongoNetworkError,
  MongoServerSelectionError,
  MongoOperationTimeoutError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoTopologyClosedError,
  MongoClientClosedError,
  MongoStalePrimaryError,
  MongoUnexpectedServerResponseError,
];

/** What the driver and newer servers say themselves of a failure that may pass. */
const PASSING_LABELS = [
  MongoErrorLabel.RetryableWriteError,
  MongoErrorLabel.TransientTransactionError,
  MongoErrorLabel.PoolRequestedRetry,
  MongoErrorLabel.RetryableError,
  MongoErrorLabel.SystemOverloadedError,
];

/** The server's codes for what passes by itself: https://www.mongodb.com/docs/manual/reference/error-codes/. */
const PASSING_CODES: ReadonlySet<unknown> = new Set([
  // A host or a network is away.
  6, 7, 89, 202, 384, 9001,
  // A member stops, steps down, is not primary or has not caught up.
  91, 133, 134, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
  // Time ran out, a lock or another write was in the way, the server has too much to do.
  24, 46, 50, 112, 262, 365, 462,
  // A cursor or a plan was given up; the same question asked anew has an answer.
  43, 175, 237, 11_601,
  // A majority did not confirm in time; the write itself is done.
  64,
  // Its disk is full until somebody makes room.
  14_031,
]);

/** A pool of connections says by its name only that all of them were busy for too long. */
const POOL_TIMEOUT = 'MongoWaitQueueTimeoutError';

/** Whether a write of one document failed because there is one with this key already. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/**
 * Whether a write of many documents failed for no other reason than that some were there already.
 * The driver wraps whatever goes wrong into this one class: a lost connection has no write errors at all,
 * and what no majority confirmed is marked beside them.
 */
export function hasOnlyDuplicateKeys(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return false;
  const failures = [error.writeErrors].flat();
  return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
}

/** Makes UNAVAILABLE of what passes by itself, and INTERNAL of every other error of the driver. */
export function explainDriverError(error: unknown): unknown {
  if (!(error instanceof MongoError || error instanceof BSON.BSONError)) return error;
  if (canPass(error)) {
    return new KilnError('UNAVAILABLE', 'The database does not answer at the moment.', {
      cause: error,
      hint: 'Try again in a few seconds.',
    });
  }
  return new KilnError('INTERNAL', `The database refused a request of ours (number ${newId()}).`, {
    cause: error,
    retryable: false,
  });
}

function canPass(error: Error): boolean {
  if (!(error instanceof MongoError)) return false;
  if (AWAY.some((type) => error instanceof type) || error.name === POOL_TIMEOUT) return true;
  if (PASSING_LABELS.some((label) => error.hasErrorLabel(label))) return true;
  if (error instanceof MongoBulkWriteError) return canBulkPass(error);
  return PASSING_CODES.has(error.code);
}

function canBulkPass(error: MongoBulkWriteError): boolean {
  const { errorResponse, result } = error;
  const failures = [error.writeErrors].flat();
  if (failures.length > 0) return failures.every(({ code }) => PASSING_CODES.has(code));
  if (errorResponse instanceof MongoError) return canPass(errorResponse);
  return PASSING_CODES.has(result.getWriteConcernError()?.code ?? error.code);
}
