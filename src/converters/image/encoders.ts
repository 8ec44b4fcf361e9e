import type { Sharp } from 'sharp';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { Format, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ImageOptions } from '../../domain/options/image.ts';
import { avifBits, USUAL_BITS } from './bit-depth.ts';
import { perMillimetre } from './density.ts';

/** Options that an encoder may use or ignore. */
export type Setting = 'quality' | 'lossless' | 'effort';

/** What an encoder needs to know of the source besides the pixels. */
interface Kept {
  /** Bits a channel. */
  bits?: number | undefined;
  /** Dots per inch; absent where the source does not say. */
  density?: number | undefined;
  /** Milliseconds that each frame is shown, where the picture itself does not say. */
  delays?: number[] | undefined;
  /** How often they are played, 0 for ever, where the picture itself does not say. */
  loop?: number | undefined;
}

interface Encoder {
  uses: readonly Setting[];
  /** What it can write more than one of. */
  frames?: Format['frames'];
  encode(picture: Sharp, options: ImageOptions, kept: Kept): Sharp;
}

/**
 * An encoder's effort is what a conversion costs. Measured on 3 megapixels: WebP 2 takes 90 ms for 38 kB
 * where 4 takes 245 ms for 34 kB; AVIF 2 takes 0.4 s where 4 takes 2.7 s for a quarter fewer bytes.
 */
const DEFAULT_EFFORT = { png: 6, webp: 2, gif: 4, avif: 2 };

const ENCODERS: Record<FormatId, Encoder> = {
  jpg: { uses: ['quality'], encode: (picture, { quality = 82 }) => picture.jpeg({ quality }) },
  png: { uses: ['quality', 'lossless', 'effort'], encode: encodePng },
  webp: {
    uses: ['quality', 'lossless', 'effort'],
    frames: 'animation',
    encode: (picture, { quality = 80, lossless, effort }, { delays, loop }) =>
      picture.webp({
        quality,
        lossless,
        effort: scaled(effort, 0, 6) ?? DEFAULT_EFFORT.webp,
        delay: delays,
        loop,
      }),
  },
  gif: {
    uses: ['effort'],
    frames: 'animation',
    encode: (picture, { effort }, { delays, loop }) =>
      picture.gif({ effort: scaled(effort, 1, 10) ?? DEFAULT_EFFORT.gif, delay: delays, loop }),
  },
  // LZW is lossless and read everywhere; sharp's default is JPEG inside.
  tiff: {
    uses: ['lossless'],
    frames: 'pages',
    encode: (picture, _options, { density }) =>
      picture.tiff({
        compression: 'lzw',
        predictor: 'horizontal',
        ...(density === undefined ? {} : { xres: perMillimetre(density), yres: perMillimetre(density) }),
      }),
  },
  avif: {
    uses: ['quality', 'lossless', 'effort'],
    encode: (picture, { quality = 50, lossless, effort }, { bits = USUAL_BITS }) =>
      picture.avif({ quality, lossless, effort: effort ?? DEFAULT_EFFORT.avif, bitdepth: avifBits(bits) }),
  },
};

/** Applies sharp's encoder for a format. Throws TypeError if sharp does not write it. */
export function encodeAs(picture: Sharp, target: FormatId, options: ImageOptions, kept: Kept): Sharp {
  const encoder = ENCODERS[target];
  if (!encoder) throw new TypeError(`sharp does not write ${target}`);
  return encoder.encode(picture, options, kept);
}

/** Whether all frames or pages of the source go into the target, and not one of them. */
export function keepsFrames({ source, target, options }: ConvertStep): boolean {
  const { frames } = requireFormat(source);
  return options.page === undefined && frames !== undefined && frames === ENCODERS[target]?.frames;
}

/** Returns sentences about options that were given but change nothing in this format. */
export function unusedSettings(
  options: ImageOptions,
  uses: readonly Setting[],
  formatName: string,
): string[] {
  const given: Setting[] = [];
  if (options.quality !== undefined) given.push('quality');
  if (options.lossless) given.push('lossless');
  if (options.effort !== undefined) given.push('effort');
  return given
    .filter((name) => !uses.includes(name))
    .map((name) => `The option ${name} has no effect on ${formatName}.`);
}

/** Returns the options that sharp's encoder for a format uses. */
export function settingsOf(target: FormatId): readonly Setting[] {
  return ENCODERS[target]?.uses ?? [];
}

function encodePng(picture: Sharp, { quality, lossless, effort }: ImageOptions): Sharp {
  const compressionLevel = effort ?? DEFAULT_EFFORT.png;
  // Quality of a PNG means fewer colours, so it is applied only if asked for.
  return quality === undefined || lossless
    ? picture.png({ compressionLevel })
    : picture.png({ compressionLevel, quality, palette: true });
}

/** Scales an effort of 0 to 9 to an encoder's own range. */
function scaled(effort: number | undefined, low: number, high: number): number | undefined {
  return effort === undefined ? undefined : low + Math.round((effort / 9) * (high - low));
}
