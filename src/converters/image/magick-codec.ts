import {
  type ColorProfile,
  ColorSpace,
  type IMagickImage,
  ImageMagick,
  MagickColors,
  MagickImage,
  MagickImageCollection,
  MagickReadSettings,
} from '@imagemagick/magick-wasm';
import { KilnError } from '../../domain/errors.ts';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import type { ImageOptions } from '../../domain/options/image.ts';
import type { MediaInfo } from '../converter.ts';
import { checkMediaInfo, type EngineLimits } from '../process/engine-limits.ts';
import { coderOf } from './magick-library.ts';
import { hasFiller, mendHeader } from './mend-header.ts';
import type { Size } from './size.ts';

/** One byte a channel, sRGB or grey, upright. */
export interface Pixels extends Size {
  data: Uint8Array;
  layout: 'GRAY' | 'RGB' | 'RGBA';
}

/** The library's default of 7 takes more than a minute for 24 megapixels, and saves nothing on photos. */
const JXL_EFFORT = 3;
/** Formats whose files often do not say that their fourth channel is the opacity. */
const UNNAMED_ALPHA: readonly FormatId[] = ['jp2', 'j2k'];
/** Formats of linear light that the library takes for sRGB. */
const LINEAR: readonly FormatId[] = ['exr'];
/** The two directions of sRGB's curve over 256 steps (IEC 61966-2-1). */
const FROM_LINEAR = curve((light) =>
  light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055,
);
const TO_LINEAR = curve((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
/** Bits a channel of formats whose header the library does not ask for them. */
const FLOATING: Readonly<Record<FormatId, number>> = { exr: 16, hdr: 32, pfm: 32 };
/** What the library only warns about, though a part of the picture is missing. */
const DAMAGE = /premature end/i;
/** Formats whose frames are layers of one picture. */
const LAYERED: readonly FormatId[] = ['psd', 'psb', 'xcf'];
/** Formats that hold one picture in several sizes. */
const MULTI_SIZE: readonly FormatId[] = ['ico', 'cur'];

/** One picture of a file, by its header. */
export interface Frame extends Size {
  bitDepth: number;
}

/** Returns all frames, from the headers alone where the format allows it. */
export function pingFrames(bytes: Buffer, source: FormatId): Frame[] {
  const frames = MagickImageCollection.create();
  try {
    frames.ping(mendHeader(bytes, source), readSettings(source));
    return frames.map(({ width, height, depth }) => ({
      width,
      height,
      bitDepth: FLOATING[source] ?? depth,
    }));
  } finally {
    frames.dispose();
  }
}

/** Returns the index of the frame that stands for the file: of an icon the largest, then deepest; else the first. */
export function mainFrame(frames: readonly Frame[], source: FormatId): number {
  if (!MULTI_SIZE.includes(source)) return 0;
  const areaOf = ({ width, height }: Frame) => width * height;
  const [best] = frames.toSorted((a, b) => areaOf(b) - areaOf(a) || b.bitDepth - a.bitDepth);
  return best ? frames.indexOf(best) : 0;
}

/**
 * Returns what the header says. @throws KilnError CORRUPT_INPUT without a frame, TOO_MANY_PIXELS,
 * TOO_MANY_FRAMES
 */
export function mediaInfoOf(frames: readonly Frame[], source: FormatId, limits: EngineLimits): MediaInfo {
  const main = frames[mainFrame(frames, source)];
  if (!main) throw new KilnError('CORRUPT_INPUT', `The ${requireFormat(source).name} file holds no picture.`);
  const mediaInfo = {
    ...main,
    frames: LAYERED.includes(source) || MULTI_SIZE.includes(source) ? 1 : frames.length,
  };
  checkMediaInfo(mediaInfo, limits);
  return mediaInfo;
}

/** Decodes one frame; flattens the layers of xcf. */
export function decode(bytes: Buffer, source: FormatId, frame: number, sRgb: ColorProfile): Pixels {
  if (source === 'xcf') return decodeLayers(bytes, source, sRgb);
  const settings = readSettings(source);
  settings.frameIndex = frame;
  settings.frameCount = 1;
  const image = MagickImage.create();
  try {
    const damage: string[] = [];
    image.onWarning = ({ error }) => {
      if (error && DAMAGE.test(error.message)) damage.push(error.message);
    };
    image.read(mendHeader(bytes, source), settings);
    if (damage.length > 0) throw new Error(damage.join('; '));
    if (source === 'bmp' && hasFiller(bytes)) image.hasAlpha = false;
    const pixels = toPixels(image, source, sRgb);
    return LINEAR.includes(source) ? { ...pixels, data: along(FROM_LINEAR, pixels) } : pixels;
  } finally {
    image.dispose();
  }
}

/** Decodes all frames of an animation, stacked from top to bottom, with the milliseconds that each is shown. */
export function decodeAnimation(
  bytes: Buffer,
  source: FormatId,
  sRgb: ColorProfile,
): Pixels & { delays: number[] } {
  const frames = MagickImageCollection.create();
  try {
    frames.read(bytes, readSettings(source));
    frames.coalesce();
    const delays = frames.map((frame) => (frame.animationDelay * 1000) / frame.animationTicksPerSecond);
    const pixels = frames.map((frame) => toPixels(frame, source, sRgb));
    const [first] = pixels;
    if (!first) throw new Error('no frame');
    const data = Buffer.concat(pixels.map((frame) => frame.data));
    return { ...first, height: first.height * pixels.length, data, delays };
  } finally {
    frames.dispose();
  }
}

/** Encodes upright pixels. */
export function encode(pixels: Pixels, target: FormatId, options: ImageOptions): Uint8Array {
  const { width, height, layout } = pixels;
  const data = LINEAR.includes(target) ? along(TO_LINEAR, pixels) : pixels.data;
  const settings = new MagickReadSettings({ format: layout, width, height, depth: 8 });
  return ImageMagick.read(data, settings, (image) => {
    if (target === 'jxl')
      image.settings.setDefine('JXL', 'effort', Math.max(1, options.effort ?? JXL_EFFORT));
    image.quality = options.lossless ? 100 : (options.quality ?? 85);
    // Copies the bytes, since the view into WebAssembly's memory ends with the callback.
    return image.write(coderOf(target), (encoded) => encoded.slice());
  });
}

function decodeLayers(bytes: Buffer, source: FormatId, sRgb: ColorProfile): Pixels {
  const layers = MagickImageCollection.create();
  try {
    layers.read(bytes, readSettings(source));
    const [bottom] = layers;
    if (bottom) bottom.backgroundColor = MagickColors.Transparent;
    return layers.flatten((image) => toPixels(image, source, sRgb));
  } finally {
    layers.dispose();
  }
}

function toPixels(image: IMagickImage, source: FormatId, sRgb: ColorProfile): Pixels {
  image.autoOrient();
  if (image.getColorProfile()) image.transformColorSpace(sRgb);
  if (image.colorSpace !== ColorSpace.sRGB) image.colorSpace = ColorSpace.sRGB;
  image.depth = 8;
  const { width, height, hasAlpha } = image;
  if (UNNAMED_ALPHA.includes(source) && !hasAlpha && image.channelCount === 4)
    return {
      width,
      height,
      layout: 'RGBA',
      data: image.getPixels((all) => all.getArea(0, 0, width, height)),
    };
  const layout = hasAlpha ? 'RGBA' : 'RGB';
  return { width, height, layout, data: image.write(layout, (encoded) => encoded.slice()) };
}

function curve(of: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * of(value / 255)));
}

/** Looks every value up in a curve; opacity stays. */
function along(table: Uint8Array, { data, layout }: Pixels): Uint8Array {
  return data.map((value, i) => (layout === 'RGBA' && i % 4 === 3 ? value : (table[value] ?? value)));
}

function readSettings(source: FormatId): MagickReadSettings {
  return new MagickReadSettings({ format: coderOf(source) });
}
