/** A failure that a command reports in one sentence, without a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause });
    this.hint = hint;
  }
}
