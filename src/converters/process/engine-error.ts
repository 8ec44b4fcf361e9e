import { KilnError } from '../../domain/errors.ts';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { Format } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';

type Reading = Pick<ConvertStep, 'source'>;

/**
 * Names of errors after which an engine must not be used again; RuntimeError is a trap or abort of
 * WebAssembly.
 */
const BREAKDOWNS = new Set(['TypeError', 'ReferenceError', 'RangeError', 'RuntimeError']);

/** Messages of the libraries, the most specific first, and what they mean to a user. */
const MEANINGS: {
  pattern: RegExp;
  explain(source: Format, target: Format | undefined, cause: unknown): KilnError;
}[] = [
  {
    pattern: /exceeds pixel limit|WidthOrHeightExceedsLimit|image size .*limit/i,
    explain: (_source, _target, cause) =>
      new KilnError('TOO_MANY_PIXELS', 'The picture has more pixels than are allowed (KILN_LIMIT_PIXELS).', {
        cause,
      }),
  },
  {
    pattern: /ListLengthExceedsLimit/,
    explain: (_source, _target, cause) =>
      new KilnError(
        'TOO_MANY_FRAMES',
        'The file has more frames or pages than are allowed (KILN_LIMIT_FRAMES).',
        {
          cause,
        },
      ),
  },
  {
    pattern: /too large for the|NegativeOrZeroImageSize|image dimension.*(exceed|unsupported)/i,
    explain: (_source, target, cause) => tooLargeForTarget(target, cause),
  },
  {
    pattern:
      /out of memory|cannot allocate|CacheResourcesExhausted|MemoryAllocationFailed|OOM|Array buffer allocation failed/i,
    explain: (_source, _target, cause) =>
      new KilnError(
        'RESOURCE_LIMIT',
        'The conversion needs more memory than is allowed (KILN_LIMIT_ENGINE_MEMORY_MB).',
        { cause },
      ),
  },
  {
    pattern: /ENOSPC|no space left/i,
    explain: (_source, _target, cause) =>
      new KilnError('INSUFFICIENT_STORAGE', 'There is no room left for the result.', { cause }),
  },
  {
    // An encoder that gives up lacks memory or disk space: the input was decoded without errors.
    pattern: /EFBIG|file too large|Encoder plugin|wbuffer_write/i,
    explain: (_source, _target, cause) =>
      new KilnError(
        'RESOURCE_LIMIT',
        'The result needs more memory (KILN_LIMIT_ENGINE_MEMORY_MB) or room (KILN_LIMIT_UPLOAD_BYTES) than is allowed.',
        {
          cause,
        },
      ),
  },
];

/** A decoder knows the kind of file and does not read it. libheif says the same of bytes that are no HEIC at all. */
const UNSUPPORTED = /ImageTypeNotSupported(?!.*heic\.c)|compression.*not supported/i;
/** Turns what a library threw into a KilnError with a message for users; the original becomes the cause. */
export function toKilnError(error: unknown, step: Reading & Partial<ConvertStep>): KilnError {
  if (error instanceof KilnError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const source = requireFormat(step.source);
  const target = step.target === undefined ? undefined : requireFormat(step.target);
  const meaning = MEANINGS.find(({ pattern }) => pattern.test(text));
  if (meaning) return meaning.explain(source, target, error);
  if (UNSUPPORTED.test(text))
    return new KilnError('NOT_SUPPORTED', `This kind of ${source.name} file cannot be read.`, {
      cause: error,
    });
  return isBreakdown(error) ? brokenDown(error) : damaged(source, error);
}

/** Whether an error is a bug of ours or of a decoder, and not due to the file. */
export function isBreakdown(error: unknown): boolean {
  return error instanceof Error && BREAKDOWNS.has(error.name);
}

function brokenDown(cause: unknown): KilnError {
  return new KilnError('ENGINE_CRASHED', 'The conversion program ended unexpectedly.', { cause });
}

function tooLargeForTarget(target: Format | undefined, cause: unknown): KilnError {
  const side = target?.maxSide
    ? `A ${target.name} picture has at most ${target.maxSide} pixels on a side.`
    : 'The result is too large for its format.';
  return new KilnError('TOO_MANY_PIXELS', side, { cause, hint: 'Ask for a smaller width or height.' });
}

function damaged(source: Format, cause: unknown): KilnError {
  return new KilnError('CORRUPT_INPUT', `The file is damaged or not a complete ${source.name} picture.`, {
    cause,
  });
}
