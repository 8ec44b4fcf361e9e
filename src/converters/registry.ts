import { ConversionError } from '../domain/errors.ts';
import { requireFormat } from '../domain/format.ts';
import type { ConvertStep } from '../domain/plan.ts';
import type { Converter, ConvertIo, ConvertOutcome } from './converter.ts';

/** Finds who can do a step. */
export interface ConverterRegistry {
  convert(step: ConvertStep, io: ConvertIo): Promise<ConvertOutcome>;
}

/** Asks the candidates in order; one that says NOT_SUPPORTED leaves the step to the next. */
export function createConverterRegistry(converters: readonly Converter[]): ConverterRegistry {
  return {
    async convert(step, io) {
      let refusal: unknown;
      for (const candidate of converters.filter((converter) => converter.accepts(step))) {
        try {
          return await candidate.convert(step, io);
        } catch (error) {
          if (!(error instanceof ConversionError) || error.code !== 'NOT_SUPPORTED') throw error;
          refusal = error;
        }
      }
      throw refusal ?? unsupported(step);
    },
  };
}

function unsupported({ source, target }: ConvertStep): ConversionError {
  const from = requireFormat(source).name;
  return new ConversionError(
    'UNSUPPORTED_CONVERSION',
    `${from} cannot be converted to ${requireFormat(target).name}.`,
  );
}
