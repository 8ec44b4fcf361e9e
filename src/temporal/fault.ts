import {
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isErrorCode, KilnError } from '../domain/errors.ts';
import { newId } from '../domain/id.ts';

/** The gRPC statuses that pass by themselves, by the numbers of the protocol. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([
  1, // CANCELLED
  2, // UNKNOWN: what the server makes of a disk that is full or a database that is locked
  4, // DEADLINE_EXCEEDED
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  11, // OUT_OF_RANGE: the server asks to be asked again
  14, // UNAVAILABLE
  15, // DATA_LOSS
]);
const INTERNAL_STATUS = 13;
/** How the client tells of a connection that broke under a call; a certificate that is wrong stays so. */
const BROKEN_CALL = /RST_STREAM with code [02]|call ended without grpc status/i;
const BAD_CERTIFICATE = /SSL alert number/i;

/**
 * Says in our words what a call to Temporal met: UNAVAILABLE when it passes by itself, INTERNAL when the
 * same call will never be taken, and otherwise what the workflow or its absence means for the caller.
 */
export function explainTemporalFault(error: unknown): unknown {
  if (error instanceof KilnError) return error;
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    if (isErrorCode(type)) return new KilnError(type, message, { cause: error });
  }
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError) {
    return new KilnError('WRONG_STATE', 'The job has already ended.', { cause: error });
  }
  if (canPass(error)) {
    return new KilnError('UNAVAILABLE', 'The job engine does not answer at the moment.', {
      cause: error,
      hint: 'Try again in a few seconds.',
    });
  }
  if (isRefusal(error)) {
    return new KilnError('INTERNAL', `The job engine refused a request of ours (number ${newId()}).`, {
      cause: error,
      retryable: false,
    });
  }
  return error;
}

function canPass(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  if (isGrpcServiceError(error)) {
    const { code, details } = error;
    if (code === INTERNAL_STATUS) return BROKEN_CALL.test(details) && !BAD_CERTIFICATE.test(details);
    return PASSING_STATUSES.has(code);
  }
  // The client wraps an answer of the server, and the end of its own connection.
  if (!(error instanceof ServiceError)) return false;
  return isGrpcServiceError(error.cause) ? canPass(error.cause) : true;
}

function isRefusal(error: unknown): boolean {
  return (
    isGrpcServiceError(error) || error instanceof ServiceError || error instanceof NamespaceNotFoundError
  );
}
