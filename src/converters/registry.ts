import { KilnError } from '../domain/errors.ts';
import { requireFormat } from '../domain/formats/find-format.ts';
import type { ConvertStep } from '../domain/jobs/plan.ts';
import type { Converter, ConvertIo, ConvertOutcome } from './converter.ts';

/** Converts a step with whichever converter can. */
export interface ConverterRegistry {
  convert(step: ConvertStep, io: ConvertIo): Promise<ConvertOutcome>;
}

/**
 * Builds a registry that tries the converters in order. @throws KilnError UNSUPPORTED_CONVERSION if none
 * accepts.
 */
export function createConverterRegistry(converters: readonly Converter[]): ConverterRegistry {
  return {
    async convert(step, io) {
      const candidates = converters.filter((converter) => converter.accepts(step));
      if (candidates.length === 0) throw unsupported(step);
      return firstThatSupports(candidates, (candidate) => candidate.convert(step, io));
    },
  };
}

/** Returns the first candidate's result; on NOT_SUPPORTED tries the next, and throws that of the last. */
export async function firstThatSupports<C, R>(
  candidates: readonly C[],
  attempt: (candidate: C) => Promise<R>,
): Promise<R> {
  let refusal: unknown;
  for (const candidate of candidates) {
    try {
      return await attempt(candidate);
    } catch (error) {
      if (!(error instanceof KilnError) || error.code !== 'NOT_SUPPORTED') throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function unsupported({ source, target }: ConvertStep): KilnError {
  const from = requireFormat(source).name;
  return new KilnError(
    'UNSUPPORTED_CONVERSION',
    `${from} cannot be converted to ${requireFormat(target).name}.`,
  );
}
