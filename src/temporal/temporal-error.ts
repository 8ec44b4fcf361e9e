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

/** Numbers of the gRPC statuses that pass by themselves. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([
  1, // CANCELLED
  2, // UNKNOWN: the server's answer when its disk is full or its database locked
  4, // DEADLINE_EXCEEDED
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  11, // OUT_OF_RANGE: the server asks to be asked again
  14, // UNAVAILABLE
  15, // DATA_LOSS
]);
const INTERNAL_STATUS = 13;
/**
 * The client's messages for a connection that broke during a call, and for a wrong certificate, which does not
 * pass.
 */
const BROKEN_CALL = /RST_STREAM with code [02]|call ended without grpc status/i;
const BAD_CERTIFICATE = /SSL alert number/i;

/**
 * Turns an error of a call to Temporal into a KilnError: UNAVAILABLE if it passes by itself, INTERNAL if the same
 * call will never succeed, WRONG_STATE if the job has ended, and the workflow's own code if that refused.
 * Returns any other error as it is.
 */
export function explainTemporalError(error: unknown): unknown {
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
  // A ServiceError wraps an answer of the server, or the end of the client's own connection.
  if (!(error instanceof ServiceError)) return false;
  return isGrpcServiceError(error.cause) ? canPass(error.cause) : true;
}

function isRefusal(error: unknown): boolean {
  return (
    isGrpcServiceError(error) || error instanceof ServiceError || error instanceof NamespaceNotFoundError
  );
}
