import {
  type ColorProfile,
  ColorSpace,
  type IMagickImage,
  ImageMagick,
  MagickColors,
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
import type { Size } from './size.ts';

/** One byte a channel, sRGB or grey, upright. */
export interface Pixels extends Size {
  data: Uint8Array;
  layout: 'GRAY' | 'RGB' | 'RGBA';
}

/** The library's default of 7 takes more than a minute for 24 megapixels, and saves nothing on photos. */
const JXL_EFFORT = 3;
/** Formats whose frames are layers of one picture. */
const LAYERED: readonly FormatId[] = ['psd', 'psb', 'xcf'];
/** Formats that hold one picture in several sizes. */
const MULTI_SIZE: readonly FormatId[] = ['ico', 'cur'];

/** Returns the sizes of all frames, from the headers alone where the format allows it. */
export function pingFrames(bytes: Uint8Array, source: FormatId): Size[] {
  const frames = MagickImageCollection.create();
  try {
    frames.ping(bytes, readSettings(source));
    return frames.map(({ width, height }) => ({ width, height }));
  } finally {
    frames.dispose();
  }
}

/** Returns the index of the frame that stands for the file: the largest of an icon's sizes, else the first. */
export function mainFrame(frames: Size[], source: FormatId): number {
  if (!MULTI_SIZE.includes(source)) return 0;
  const areas = frames.map(({ width, height }) => width * height);
  return areas.indexOf(Math.max(...areas));
}

/**
 * Returns what the header says. @throws KilnError CORRUPT_INPUT without a frame, TOO_MANY_PIXELS,
 * TOO_MANY_FRAMES
 */
export function mediaInfoOf(frames: Size[], source: FormatId, limits: EngineLimits): MediaInfo {
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
export function decode(bytes: Uint8Array, source: FormatId, frame: number, sRgb: ColorProfile): Pixels {
  if (source === 'xcf') return decodeLayers(bytes, source, sRgb);
  const settings = readSettings(source);
  settings.frameIndex = frame;
  settings.frameCount = 1;
  return ImageMagick.read(bytes, settings, (image) => toPixels(image, sRgb));
}

/** Encodes upright pixels. */
export function encode(pixels: Pixels, target: FormatId, options: ImageOptions): Uint8Array {
  const { data, width, height, layout } = pixels;
  const settings = new MagickReadSettings({ format: layout, width, height, depth: 8 });
  return ImageMagick.read(data, settings, (image) => {
    if (target === 'jxl')
      image.settings.setDefine('JXL', 'effort', Math.max(1, options.effort ?? JXL_EFFORT));
    image.quality = options.lossless ? 100 : (options.quality ?? 85);
    // Copies the bytes, since the view into WebAssembly's memory ends with the callback.
    return image.write(coderOf(target), (encoded) => encoded.slice());
  });
}

function decodeLayers(bytes: Uint8Array, source: FormatId, sRgb: ColorProfile): Pixels {
  const layers = MagickImageCollection.create();
  try {
    layers.read(bytes, readSettings(source));
    const [bottom] = layers;
    if (bottom) bottom.backgroundColor = MagickColors.Transparent;
    return layers.flatten((image) => toPixels(image, sRgb));
  } finally {
    layers.dispose();
  }
}

function toPixels(image: IMagickImage, sRgb: ColorProfile): Pixels {
  image.autoOrient();
  if (image.getColorProfile()) image.transformColorSpace(sRgb);
  if (image.colorSpace !== ColorSpace.sRGB) image.colorSpace = ColorSpace.sRGB;
  image.depth = 8;
  const { width, height, hasAlpha } = image;
  const layout = hasAlpha ? 'RGBA' : 'RGB';
  return { width, height, layout, data: image.write(layout, (encoded) => encoded.slice()) };
}

function readSettings(source: FormatId): MagickReadSettings {
  return new MagickReadSettings({ format: coderOf(source) });
}
