/**
 * Every failure that a caller may see, by its stable code. `retry` says whether the same
 * attempt may succeed later: activities/failure.ts turns it into Temporal retryability.
 * Each transport maps codes to its own language; no HTTP status lives here.
 */
export const ERROR_CODES = {
  // The request itself is wrong.
  INVALID_INPUT: { retry: false },
  INVALID_OPTION: { retry: false },
  UNKNOWN_CONVERTER: { retry: false },
  UNSUPPORTED_CONVERSION: { retry: false },
  TOO_LARGE: { retry: false },
  BLOCKED_ADDRESS: { retry: false },
  // The caller may not, or the thing is not in the right state.
  UNAUTHENTICATED: { retry: false },
  FORBIDDEN: { retry: false },
  NOT_FOUND: { retry: false },
  WRONG_STATE: { retry: false },
  IDEMPOTENCY_CONFLICT: { retry: false },
  INSUFFICIENT_CREDITS: { retry: false },
  EXPIRED: { retry: false },
  RATE_LIMITED: { retry: true },
  // The bytes are not what was promised.
  UPLOAD_EXPIRED: { retry: false },
  UPLOAD_MISSING: { retry: false },
  SIZE_MISMATCH: { retry: false },
  TYPE_MISMATCH: { retry: false },
  EMPTY_FILE: { retry: false },
  CORRUPT_INPUT: { retry: false },
  TOO_MANY_PIXELS: { retry: false },
  TOO_MANY_FRAMES: { retry: false },
  // An engine could not do it.
  NOT_SUPPORTED: { retry: false },
  ENGINE_TIMEOUT: { retry: false },
  RESOURCE_LIMIT: { retry: false },
  ENGINE_CRASHED: { retry: true },
  // The world around us is not well.
  CANCELLED: { retry: false },
  INSUFFICIENT_STORAGE: { retry: true },
  UNAVAILABLE: { retry: true },
  INTERNAL: { retry: true },
} as const satisfies Record<string, { retry: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** How to put it right, where whoever throws has no better advice. None of them may tell foreign from unknown. */
const USUAL_HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  TOO_LARGE: 'Send less at a time.',
  UNAUTHENTICATED: 'Send a key that works in the X-API-Key header, or a token as "Authorization: Bearer …".',
  FORBIDDEN: 'Use a credential that may do this.',
  NOT_FOUND: 'Check the id: it must name something of yours that is still there.',
  WRONG_STATE: 'Look at the present state; it does not go back.',
  IDEMPOTENCY_CONFLICT: 'Use a key of its own for each request, and the same one only to repeat it.',
  INSUFFICIENT_CREDITS: 'Top up the media credits of the account.',
  EXPIRED: 'Ask for it again.',
  RATE_LIMITED: 'Wait until the time that is given, or upgrade the plan.',
  UPLOAD_EXPIRED: 'Prepare a new upload.',
  SIZE_MISMATCH: 'Announce the exact size.',
  TYPE_MISMATCH: 'Send a file of the format that is announced.',
  EMPTY_FILE: 'Send a file with content.',
  CORRUPT_INPUT: 'Check that the file opens in the program that made it.',
  TOO_MANY_PIXELS: 'Send a smaller picture.',
  TOO_MANY_FRAMES: 'Send a part of it.',
  NOT_SUPPORTED: 'Save the file with more usual settings, or ask for another target.',
  ENGINE_TIMEOUT: 'Ask for a smaller result, or send a smaller file.',
  RESOURCE_LIMIT: 'Ask for a smaller result, or send a smaller file.',
};

export interface ErrorDetails {
  /** The field of the request that is wrong, in the caller's own path notation. */
  field?: string;
  /** One sentence that says how to fix it. */
  hint?: string;
  /** When the same call may succeed. */
  retryAfterSeconds?: number;
  /** False for a fault that stays, although others with its code may pass. */
  retryable?: false;
  cause?: unknown;
}

/**
 * The one error that crosses our own layers. `message` is safe to show to the caller:
 * no path, no stack, no secret. What really happened goes into `cause`, for the log.
 */
export class KilnError extends Error {
  override readonly name = 'KilnError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Whether the same attempt may succeed later. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.hint = details.hint ?? USUAL_HINTS[code];
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.retryable = details.retryable ?? isRetryable(code);
  }

  /** Returns the same error as one about `field`, with this one as its cause. */
  about(field: string, message = this.message): KilnError {
    const { code, hint, retryAfterSeconds, retryable } = this;
    return new KilnError(code, message, {
      field,
      cause: this,
      ...(hint !== undefined && { hint }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(!retryable && { retryable }),
    });
  }
}

/** Returns the hint at a limit that the operator's setting raises. */
export function raisedBy(setting: `KILN_${string}`): string {
  return `The operator of the service can raise this limit with ${setting}.`;
}

/** Whether an error is ours and says exactly this. */
export function hasCode(error: unknown, code: ErrorCode): error is KilnError {
  return error instanceof KilnError && error.code === code;
}

/** Says of one part of a request, such as `jobs.3`, what an error of ours says; returns any other as it is. */
export function ofPart(part: string, error: unknown, prefix = ''): unknown {
  if (!(error instanceof KilnError)) return error;
  const { field, message } = error;
  return error.about(field === undefined ? part : `${part}.${field}`, prefix + message);
}

function isRetryable(code: ErrorCode): boolean {
  return ERROR_CODES[code].retry;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}
