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

/**
 * Returns the first candidate's result. One that refuses the file, as not supported or as damaged, leaves it to
 * the next. If all refuse, throws "not supported" rather than "damaged", because that reader knew the kind; the
 * cause holds what each of them said.
 */
export async function firstThatSupports<C, R>(
  candidates: readonly C[],
  attempt: (candidate: C) => Promise<R>,
): Promise<R> {
  const refusals: KilnError[] = [];
  for (const candidate of candidates) {
    try {
      return await attempt(candidate);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push(error);
    }
  }
  throw joined(refusals);
}

function isRefusal(error: unknown): error is KilnError {
  return error instanceof KilnError && (error.code === 'NOT_SUPPORTED' || error.code === 'CORRUPT_INPUT');
}

function joined(refusals: readonly KilnError[]): KilnError | undefined {
  const main = refusals.find((refusal) => refusal.code === 'NOT_SUPPORTED') ?? refusals[0];
  if (!main || refusals.length === 1) return main;
  const { code, message, field, hint } = main;
  const reasons = refusals.map((refusal) => String(refusal.cause ?? refusal.message)).join('; ');
  return new KilnError(code, message, {
    ...(field === undefined ? {} : { field }),
    ...(hint === undefined ? {} : { hint }),
    cause: new AggregateError(refusals, reasons),
  });
}

function unsupported({ source, target }: ConvertStep): KilnError {
  const from = requireFormat(source).name;
  return new KilnError(
    'UNSUPPORTED_CONVERSION',
    `${from} cannot be converted to ${requireFormat(target).name}.`,
  );
}
