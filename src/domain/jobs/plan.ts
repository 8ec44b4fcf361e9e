import { KilnError } from '../errors.ts';
import { findFormat, sourceHint, targetHint, targetsOf } from '../formats/find-format.ts';
import type { Format, FormatCategory, FormatId } from '../formats/format.ts';
import { harmless } from '../names.ts';
import type { StepOptions } from '../options/image.ts';

/** One engine call: bytes of one format in, bytes of another out. */
export interface ConvertStep {
  category: FormatCategory;
  source: FormatId;
  target: FormatId;
  options: StepOptions;
}

/** What is asked of a plan: names of formats may be aliases, options are already checked. */
export interface PlanRequest {
  source: FormatId;
  target: FormatId;
  options: StepOptions;
}

/** The steps from source to target, or UNSUPPORTED_CONVERSION with what would be possible. */
export function planConversion({ source, target, options }: PlanRequest): ConvertStep[] {
  const from = findFormat(source);
  const to = findFormat(target);
  if (!from) throw unsupported('Files of this format cannot be read.', 'source', sourceHint(source));
  const targets = targetsOf(from.id);
  if (!to || !targets.includes(to.id)) {
    const asked = to
      ? `${from.name} cannot be converted to ${to.name}.`
      : `${from.name} cannot be converted to that format.`;
    throw unsupported(asked, 'target', `Possible targets: ${targets.join(', ')}.`);
  }
  return [{ category: from.category, source: from.id, target: to.id, options }];
}

/** Returns the format of that id or extension. @throws KilnError UNSUPPORTED_CONVERSION for one that Kiln does not know. */
export function requireTarget(id: FormatId): Format {
  const format = findFormat(id);
  if (format) return format;
  throw unsupported(`"${harmless(id)}" is not a format that Kiln knows.`, 'target', targetHint(id));
}

function unsupported(message: string, field: string, hint: string): KilnError {
  return new KilnError('UNSUPPORTED_CONVERSION', message, { field, hint });
}
