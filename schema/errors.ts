import { type ErrorCode, KilnError } from '../src/domain/errors.ts';
import { builder } from './builder.ts';
import type { KilnContext } from './context.ts';

/** A failure that a caller can expect, as a member of a mutation's result. */
abstract class Refusal extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(reason: KilnError, field: string | undefined) {
    super(reason.message, { cause: reason });
    this.code = reason.code;
    this.field = field;
    this.hint = reason.hint;
    this.retryAfterSeconds = reason.retryAfterSeconds;
  }
}

class InvalidInputError extends Refusal {}
class LimitError extends Refusal {}
class ForbiddenError extends Refusal {}
class NotFoundError extends Refusal {}
class WrongStateError extends Refusal {}
class ConversionFailedError extends Refusal {}
class UnavailableError extends Refusal {}

type RefusalType = new (reason: KilnError, field: string | undefined) => Refusal;

interface Meaning {
  /** The type that carries the code; null where the caller learns nothing but a correlation id. */
  type: RefusalType | null;
  description: string;
}

/** The one mapping from codes to GraphQL. */
const MEANINGS: Readonly<Record<ErrorCode, Meaning>> = {
  INVALID_INPUT: { type: InvalidInputError, description: 'A value is missing or malformed.' },
  INVALID_OPTION: { type: InvalidInputError, description: 'An option is unknown or has a wrong value.' },
  UNKNOWN_CONVERTER: { type: InvalidInputError, description: 'There is no converter of that name.' },
  UNSUPPORTED_CONVERSION: {
    type: InvalidInputError,
    description: 'Kiln cannot convert between these formats.',
  },
  BLOCKED_ADDRESS: { type: InvalidInputError, description: 'Kiln does not call that address.' },
  TOO_LARGE: { type: LimitError, description: 'The file is larger than allowed.' },
  UNAUTHENTICATED: { type: ForbiddenError, description: 'A credential is missing, wrong or expired.' },
  FORBIDDEN: { type: ForbiddenError, description: 'The credential does not allow this.' },
  NOT_FOUND: { type: NotFoundError, description: 'You own no such object.' },
  WRONG_STATE: {
    type: WrongStateError,
    description: 'The object is past the point where this was possible.',
  },
  IDEMPOTENCY_CONFLICT: {
    type: WrongStateError,
    description: 'The idempotency key was used for another request.',
  },
  INSUFFICIENT_CREDITS: { type: LimitError, description: 'The account has too few media credits.' },
  RATE_LIMITED: { type: LimitError, description: 'The calls of the plan are used up for the moment.' },
  EXPIRED: { type: WrongStateError, description: 'The time for this is over.' },
  UPLOAD_EXPIRED: { type: WrongStateError, description: 'The file did not arrive in time.' },
  UPLOAD_MISSING: { type: WrongStateError, description: 'The file has not arrived yet.' },
  CANCELLED: { type: WrongStateError, description: 'The job was cancelled.' },
  SIZE_MISMATCH: { type: ConversionFailedError, description: 'The file has another size than announced.' },
  TYPE_MISMATCH: { type: ConversionFailedError, description: 'The file has another format than announced.' },
  EMPTY_FILE: { type: ConversionFailedError, description: 'The file has no content.' },
  CORRUPT_INPUT: { type: ConversionFailedError, description: 'The file is damaged or not of its format.' },
  TOO_MANY_PIXELS: { type: LimitError, description: 'The picture has more pixels than allowed.' },
  TOO_MANY_FRAMES: { type: LimitError, description: 'The file has more frames or pages than allowed.' },
  NOT_SUPPORTED: {
    type: ConversionFailedError,
    description: 'The file uses a feature that no engine knows.',
  },
  ENGINE_TIMEOUT: { type: ConversionFailedError, description: 'The conversion took longer than allowed.' },
  RESOURCE_LIMIT: {
    type: ConversionFailedError,
    description: 'The conversion needed more memory than allowed.',
  },
  ENGINE_CRASHED: { type: ConversionFailedError, description: 'The engine broke down.' },
  INSUFFICIENT_STORAGE: {
    type: UnavailableError,
    description: 'There is no room for the file at the moment.',
  },
  UNAVAILABLE: {
    type: UnavailableError,
    description: 'A part of the service does not answer at the moment.',
  },
  INTERNAL: { type: null, description: 'Something went wrong on our side.' },
};

/** The stable codes, as an enum. */
export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Why something was refused or failed. Codes are stable; messages may be reworded.',
  values: Object.fromEntries(
    Object.entries(MEANINGS).map(([code, { description }]) => [
      code,
      { value: code as ErrorCode, description },
    ]),
  ),
});

const ErrorInterface = builder.interfaceRef<Refusal>('Error').implement({
  description: 'An expected failure. Ask for it in any result: `... on Error { code message hint }`.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'For programs.' }),
    message: t.exposeString('message', { description: 'For people; safe to show.' }),
    field: t.exposeString('field', {
      nullable: true,
      description: 'The argument that is wrong, as a path inside `input`; null when it is not one argument.',
    }),
    hint: t.exposeString('hint', {
      nullable: true,
      description: 'How to put it right; null when the message says all.',
    }),
  }),
});

const DESCRIPTIONS = new Map<RefusalType, string>([
  [InvalidInputError, 'What was asked cannot be done as it was asked.'],
  [LimitError, 'What was asked is more than allowed.'],
  [ForbiddenError, 'The caller may not do this, or did not say who they are.'],
  [NotFoundError, 'The caller owns no such object.'],
  [WrongStateError, 'The object exists, but is not in a state in which this is possible.'],
  [ConversionFailedError, 'The file could not be accepted or converted.'],
  [UnavailableError, 'Not possible at the moment; the same call may succeed later.'],
]);

for (const [type, description] of DESCRIPTIONS) {
  builder.objectType(type, { name: type.name, description, interfaces: [ErrorInterface] });
}

builder.objectField(LimitError, 'retryAfterSeconds', (t) =>
  t.int({
    nullable: true,
    description: 'Seconds after which the same call may succeed; null unless RATE_LIMITED.',
    resolve: (limit) => limit.retryAfterSeconds,
  }),
);

/** Makes the expected errors members of a mutation's result; its resolver runs within `refusing`. */
export const EXPECTED = { types: [...DESCRIPTIONS.keys()], directResult: true };

/**
 * Runs an operation so that its expected failures become members of the result.
 * @param rename fields of the operation by their path in the mutation's own input.
 */
export async function refusing<T>(
  { log, refusal }: KilnContext,
  work: () => Promise<T>,
  rename: Readonly<Record<string, string>> = {},
): Promise<T> {
  if (refusal) throw memberFor(refusal, undefined);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    const member = memberFor(error, error.field && renamed(error.field, rename));
    if (member !== error && error.retryable)
      log.warn({ code: error.code, err: error.cause ?? error }, 'a mutation was refused');
    throw member;
  }
}

/** Renames the last part of a path: `jobs.3.filename` like `filename`. */
function renamed(field: string, rename: Readonly<Record<string, string>>): string {
  return field.replace(/[^.]+$/, (last) => rename[last] ?? last);
}

/** Returns the member of a result that says it, or the error itself if the caller is told nothing of it. */
function memberFor(error: KilnError, field: string | undefined): Refusal | KilnError {
  const { type } = MEANINGS[error.code];
  return type ? new type(error, field) : error;
}
