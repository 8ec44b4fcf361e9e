import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { KilnError } from '../../domain/errors.ts';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ImageOptions } from '../../domain/options/image.ts';
import type { MediaInfo } from '../converter.ts';
import type { Engine, EngineIo, EngineOutcome } from '../process/engine.ts';
import { toKilnError } from '../process/engine-error.ts';
import { checkMediaInfo, checkWork, type EngineLimits } from '../process/engine-limits.ts';
import { countFrames, drawFrames } from './apng.ts';
import { bitDepthOf, computeDeeply, keptBits, USUAL_BITS } from './bit-depth.ts';
import { writeJpegDensity } from './density.ts';
import { applyEdits, lossWarnings } from './edits.ts';
import { encodeAs, keepsFrames, settingsOf, unusedSettings } from './encoders.ts';
import { checkPage, refuseTurnedAnimation } from './frames.ts';
import { endsTooEarly, withEndMarker } from './jpeg-end.ts';
import { SHARP_VERSION, sharp } from './sharp-library.ts';
import { resultSize, type Size } from './size.ts';
import { readSvg } from './svg.ts';
import { CSS_DENSITY } from './svg-size.ts';

/** A file, or the bytes of one that was mended and must be read without a warning. */
type PictureInput = string | { bytes: Uint8Array; failOn: 'warning' };

const LIBRARY_NAMES: Record<string, FormatId> = { jpeg: 'jpg', heif: 'avif' };

/** Creates the engine on libvips, which is fast, streams, and encodes every common format. */
export function createSharpEngine(): Engine {
  return {
    name: 'sharp',
    version: SHARP_VERSION,
    probe: async (source, inputPath, limits) => {
      const { mediaInfo } = await openPicture(source, inputPath, limits);
      return mediaInfo;
    },
    convert,
  };

  async function convert(step: ConvertStep, io: EngineIo): Promise<EngineOutcome> {
    try {
      return await convertFrom(io.inputPath, step, io).catch((error: unknown) => {
        if (!endsTooEarly(error)) throw error;
        return convertUnended(step, io);
      });
    } catch (error) {
      throw toKilnError(error, step);
    }
  }
}

async function convertFrom(input: PictureInput, step: ConvertStep, io: EngineIo): Promise<EngineOutcome> {
  const opened = await readPicture(step, input, io.limits);
  const { picture, mediaInfo, size, frames, header, delays, loop } = opened;
  const bits = keptBits(bitDepthOf(header), step);
  const { density } = header;
  io.onProgress(10);
  keepColours(picture, header, bits, step.options);
  applyEdits(picture, step, size);
  keepMetadata(picture, step.options);
  const kept = { bits, density, delays, loop };
  const info = await encodeAs(picture, step.target, step.options, kept).toFile(io.outputPath);
  if (step.target === 'jpg' && density !== undefined && step.options.stripMetadata)
    await writeJpegDensity(io.outputPath, density);
  const target = requireFormat(step.target);
  return {
    engine: SHARP_VERSION,
    input: mediaInfo,
    output: {
      width: info.width,
      height: info.pageHeight ?? info.height,
      frames,
      hasAlpha: target.alpha && info.channels % 2 === 0,
      bitDepth: bits,
    },
    warnings: [
      ...lossWarnings(step, mediaInfo, { frames, bits }),
      ...unusedSettings(step.options, settingsOf(target.id), target.name),
    ],
  };
}

/** Converts a JPEG file that lacks its end marker only. Throws what the library throws if it lacks more. */
async function convertUnended(step: ConvertStep, io: EngineIo): Promise<EngineOutcome> {
  const input = { bytes: await withEndMarker(io.inputPath), failOn: 'warning' } as const;
  const outcome = await convertFrom(input, step, io);
  const note = 'The end mark of the JPEG file is missing; the picture itself is complete.';
  return { ...outcome, warnings: [note, ...outcome.warnings] };
}

/** A picture that is about to be edited. */
interface OpenedPicture {
  picture: Sharp;
  mediaInfo: MediaInfo;
  size: Size;
  frames: number;
  header: Metadata;
  /** Milliseconds of each frame, and how often they are played, where the picture itself does not say. */
  delays?: number[];
  loop?: number;
}

/** Opens a picture to be edited: upright, and checked against all limits. Decodes nothing yet. */
export async function readPicture(
  step: ConvertStep,
  from: PictureInput,
  limits: EngineLimits,
): Promise<OpenedPicture> {
  const { input, mediaInfo, header } = await openPicture(step.source, from, limits, step.options.density);
  const { page } = step.options;
  const frames = keepsFrames(step) ? (mediaInfo.frames ?? 1) : 1;
  checkPage(page, mediaInfo.frames ?? 1);
  refuseTurnedAnimation(step.options, frames);
  const upright = { width: mediaInfo.width ?? 1, height: mediaInfo.height ?? 1 };
  const size = resultSize(upright, step.options);
  checkWork(upright, size, frames, limits);
  const opened = { mediaInfo, size, frames, header };
  if (step.source === 'png' && typeof from === 'string' && (frames > 1 || (page ?? 1) > 1))
    return { ...opened, ...(await openAnimatedPng(from, frames > 1 ? undefined : (page ?? 1) - 1, limits)) };
  const picture = sharp(input, {
    ...readOptions(limits),
    ...failOn(from),
    ...(frames > 1 ? { pages: -1 } : {}),
    ...(page === undefined ? {} : { page: page - 1 }),
  });
  return { ...opened, picture: frames > 1 ? picture : picture.autoOrient() };
}

/** libvips reads the first picture of an animated PNG only. */
async function openAnimatedPng(path: string, only: number | undefined, limits: EngineLimits) {
  const { data, width, height, delays, loop } = await drawFrames(path, only);
  const stack = only === undefined ? { pageHeight: height / delays.length } : {};
  const picture = sharp(data, {
    ...readOptions(limits),
    raw: { width, height, channels: 4, ...stack },
    ...(only === undefined ? { pages: -1 } : {}),
  });
  return { picture, delays, loop };
}

async function openPicture(source: FormatId, from: PictureInput, limits: EngineLimits, density?: number) {
  try {
    const input = await inputOf(source, from, density);
    // Turns the library's limit off, which would hide the header: our own limits check it below.
    const header = await sharp(input, {
      ...readOptions(limits),
      limitInputPixels: false,
    }).metadata();
    if ((LIBRARY_NAMES[header.format] ?? header.format) !== source) {
      throw new KilnError('TYPE_MISMATCH', `The file is not a ${requireFormat(source).name} picture.`);
    }
    const frames = source === 'png' && typeof from === 'string' ? await countFrames(from) : header.pages;
    const mediaInfo = mediaInfoOf(header, frames);
    checkMediaInfo(mediaInfo, limits);
    await checkNumbers(input, header, source);
    return { input, mediaInfo, header };
  } catch (error) {
    throw toKilnError(error, { source });
  }
}

function readOptions(limits: EngineLimits): SharpOptions {
  return { failOn: 'error', limitInputPixels: limits.maxPixelsTotal, density: CSS_DENSITY };
}

/** Refuses numbers that are no colours; leaves those that sharp cannot scale to the next engine. */
async function checkNumbers(
  input: string | Uint8Array,
  { depth }: Metadata,
  source: FormatId,
): Promise<void> {
  if (depth === 'uchar' || depth === 'ushort') return;
  const { name } = requireFormat(source);
  const { channels } = await sharp(input).stats();
  const isScaled = depth === 'float' && channels.every(({ min, max }) => min >= 0 && max <= 1);
  if (isScaled) throw new KilnError('NOT_SUPPORTED', `This kind of ${name} file cannot be read.`);
  throw new KilnError(
    'UNSUPPORTED_CONVERSION',
    `The ${name} file holds measured numbers and no colours: nothing says which of them is black and which is white.`,
    { hint: 'Scale it to 8 or 16 bits a channel in the program that made it.' },
  );
}

async function inputOf(source: FormatId, from: PictureInput, density?: number): Promise<string | Uint8Array> {
  if (typeof from !== 'string') return from.bytes;
  return source === 'svg' ? await readSvg(from, density) : from;
}

function failOn(from: PictureInput): Pick<SharpOptions, 'failOn'> {
  return typeof from === 'string' ? {} : { failOn: from.failOn };
}

function mediaInfoOf(header: Metadata, frames = 1): MediaInfo {
  const { width, height } =
    header.pageHeight === undefined ? header.autoOrient : { width: header.width, height: header.pageHeight };
  return {
    width,
    height,
    frames,
    hasAlpha: header.hasAlpha,
    bitDepth: bitDepthOf(header),
  };
}

/** Keeps grey grey, and more than 8 bits a channel through every operation. */
function keepColours(picture: Sharp, header: Metadata, bits: number, options: ImageOptions): void {
  if (bits > USUAL_BITS) computeDeeply(picture, header, options);
  // Kept metadata comes with the profile of a colour space; a background may have a colour.
  else if (header.space === 'b-w' && options.stripMetadata && options.background === undefined)
    picture.toColourspace('b-w');
}

function keepMetadata(picture: Sharp, options: ImageOptions): void {
  if (!options.stripMetadata) picture.keepExif().keepXmp().withIccProfile('srgb');
}
