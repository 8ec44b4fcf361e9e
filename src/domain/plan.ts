import type { FormatCategory, FormatId } from './format.ts';
import type { StepOptions } from './options.ts';

/** One engine call: bytes of one format in, bytes of another out. */
export interface ConvertStep {
  category: FormatCategory;
  source: FormatId;
  target: FormatId;
  options: StepOptions;
}
