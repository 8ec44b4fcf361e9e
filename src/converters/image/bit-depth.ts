import type { Metadata, Sharp } from 'sharp';
import type { FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ImageOptions } from '../../domain/options/image.ts';

/** What every pixel format holds. */
export const USUAL_BITS = 8;
/** The most bits a channel that sharp writes, where they are more than 8. */
const MOST_BITS: Readonly<Record<FormatId, number>> = { png: 16, tiff: 16, avif: 12 };
/** The bit depths that AVIF knows (AV1, 6.4.2). */
const AVIF_BITS = [8, 10, 12] as const;

/** Returns the bits a channel that a header states. */
export function bitDepthOf({ depth, bitsPerSample }: Pick<Metadata, 'depth' | 'bitsPerSample'>): number {
  return bitsPerSample ?? (depth === 'uchar' ? USUAL_BITS : 16);
}

/** Returns how many bits a channel sharp keeps of a source with `bitDepth`. */
export function keptBits(bitDepth: number, { target, options }: ConvertStep): number {
  if (bitDepth <= USUAL_BITS || reducesColours(target, options)) return USUAL_BITS;
  return Math.min(bitDepth, MOST_BITS[target] ?? USUAL_BITS);
}

/** Makes every operation on `picture` compute with 16 bits a channel. Without it libvips rounds to 8 first. */
export function computeDeeply(
  picture: Sharp,
  { space }: Pick<Metadata, 'space'>,
  options: ImageOptions,
): void {
  // A background may have a colour, which grey could not hold.
  const deep = space === 'grey16' && options.background === undefined ? 'grey16' : 'rgb16';
  picture.pipelineColourspace(deep).toColourspace(deep);
}

/** Returns the smallest bit depth of AVIF that holds `bits`. */
export function avifBits(bits: number): (typeof AVIF_BITS)[number] {
  return AVIF_BITS.find((depth) => depth >= bits) ?? 12;
}

/** A PNG of a given quality is one with a palette, which holds 8 bits a channel. */
function reducesColours(target: FormatId, { quality, lossless }: ImageOptions): boolean {
  return target === 'png' && quality !== undefined && !lossless;
}
