import { KilnError } from '../errors.ts';
import { requireFormat } from '../formats/find-format.ts';
import type { FormatCategory, FormatId } from '../formats/format.ts';
import type { ConvertStep } from '../jobs/plan.ts';

/** The open price table: media credits per started minute. What is 0 here is free, whatever its size. */
export const CREDITS_PER_MINUTE: Readonly<Record<FormatCategory, number>> = {
  image: 0,
  vector: 0,
  audio: 1,
  video: 2,
  document: 0,
  spreadsheet: 0,
  presentation: 0,
  pdf: 0,
  ebook: 0,
  archive: 0,
  hash: 0,
  metadata: 0,
  data: 0,
};

const SECONDS_PER_MINUTE = 60;

/** What a conversion costs, in media credits. */
export interface Quote {
  perMinute: number;
  /** What must be there before the job is accepted: one started minute. */
  minimum: number;
  /** What is held while the job runs, and the most it can cost; null while the length is not known. */
  ceiling: number | null;
  /** Whether the file itself has told its format and length, so that the ceiling is what a job will hold. */
  exact: boolean;
}

/** What a file costs whose length is known. */
export type Price = Pick<Quote, 'perMinute'> & { ceiling: number };

/** The price between two formats, for media of this length if it is known. */
export function priceOf(source: FormatId, target: FormatId, seconds?: number): Omit<Quote, 'exact'> {
  const perMinute = pricePerMinute([source, target].map((id) => requireFormat(id).category));
  return quoteOf(perMinute, seconds);
}

/** The quote at a price; what is free is free at any length. */
export function quoteOf(perMinute: number, seconds?: number): Omit<Quote, 'exact'> {
  const known = seconds === undefined ? null : creditsFor(perMinute, seconds);
  return { perMinute, minimum: perMinute, ceiling: perMinute === 0 ? 0 : known };
}

/** What a probed file costs on its way through these steps; null where it is free. */
export function priceOfSteps(
  steps: readonly Pick<ConvertStep, 'source' | 'target'>[],
  seconds: number | undefined,
): Price | null {
  const formats = steps.flatMap(({ source, target }) => [source, target]);
  return exactPrice(pricePerMinute(formats.map((id) => requireFormat(id).category)), seconds);
}

/** @throws KilnError NOT_SUPPORTED when it costs something and nobody knows how long it is. */
export function exactPrice(perMinute: number, seconds: number | undefined): Price | null {
  if (perMinute === 0) return null;
  if (seconds === undefined)
    throw new KilnError('NOT_SUPPORTED', 'The length of the media cannot be read from the file.');
  return { perMinute, ceiling: creditsFor(perMinute, seconds) };
}

/** The dearest of what goes in and what comes out decides. */
export function pricePerMinute(categories: readonly FormatCategory[]): number {
  return Math.max(0, ...categories.map((category) => CREDITS_PER_MINUTE[category]));
}

/**
 * Credits for media of this length; even the shortest has begun a minute.
 * @throws KilnError INVALID_INPUT when the length is not one.
 */
export function creditsFor(perMinute: number, seconds: number): number {
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new KilnError('INVALID_INPUT', 'The length of the media must be 0 seconds or more.', {
      field: 'durationSeconds',
    });
  return perMinute * Math.max(1, Math.ceil(seconds / SECONDS_PER_MINUTE));
}

/** What was used: a result shorter than its source costs less, and nothing costs more than was held. */
export function creditsUsed({ perMinute, ceiling }: Price, resultSeconds: number | undefined): number {
  return resultSeconds === undefined ? ceiling : Math.min(ceiling, creditsFor(perMinute, resultSeconds));
}
