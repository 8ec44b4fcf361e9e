interface CommandErrorDetails {
  hint?: string | undefined;
  cause?: unknown;
  /** What the service called it. */
  code?: string | undefined;
  /** Whether another command line, or environment, would help; the service never had a say then. */
  isUsage?: boolean;
}

/** What the service says of arguments that are wrong whoever sends them. */
const USAGE_CODES: readonly unknown[] = ['INVALID_INPUT', 'INVALID_OPTION'];

/** A failure that a command reports in one line, without a stack. */
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
