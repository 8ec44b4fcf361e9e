interface CommandErrorDetails {
  hint?: string | undefined;
  cause?: unknown;
  /** The service's error code, if it refused. */
  code?: string | undefined;
  /** Whether the command line or the environment is wrong; the service was not asked then. */
  isUsage?: boolean;
}

/** Codes of the service for arguments that are wrong whoever sends them. */
const USAGE_CODES: readonly unknown[] = ['INVALID_INPUT', 'INVALID_OPTION'];

/** An error that a command prints in one line, without a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly hint: string | undefined;
  readonly code: string | undefined;
  readonly isUsage: boolean;

  constructor(message: string, { hint, cause, code, isUsage }: CommandErrorDetails = {}) {
    super(message, { cause });
    this.hint = hint;
    this.code = code;
    this.isUsage = isUsage ?? USAGE_CODES.includes(code);
  }
}
