import { type FormatId, requireFormat } from '../domain/format.ts';
import { parseOptions } from '../domain/options.ts';
import { planConversion } from '../domain/plan.ts';
import { priceOf, type Quote } from '../domain/price.ts';

/** A conversion that somebody thinks of; formats may be aliases. */
export interface QuoteWish {
  source: FormatId;
  target: FormatId;
  /** Length of the media, where the caller knows it. */
  seconds?: number | undefined;
}

/** What a conversion would cost. Refuses one that Kiln cannot do. */
export function quote({ source, target, seconds }: QuoteWish): Quote {
  const options = parseOptions(requireFormat(target).category, {});
  planConversion({ source, target, options });
  return priceOf(source, target, seconds);
}
