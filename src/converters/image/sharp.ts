import { readFile } from 'node:fs/promises';
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
import { applyEdits, lossWarnings } from './edits.ts';
import { encodeAs, settingsOf, unusedSettings } from './encoders.ts';
import { SHARP_VERSION, sharp } from './sharp-library.ts';
import { resultSize, type Size } from './size.ts';
import { checkSvg } from './svg.ts';

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
      const { picture, mediaInfo, size, frames } = await readPicture(step, io.inputPath, io.limits);
      io.onProgress(10);
      applyEdits(picture, step, size);
      keepMetadata(picture, step.options);
      const info = await encodeAs(picture, step.target, step.options).toFile(io.outputPath);
      const target = requireFormat(step.target);
      return {
        engine: SHARP_VERSION,
        input: mediaInfo,
        output: {
          width: info.width,
          height: info.pageHeight ?? info.height,
          frames,
          hasAlpha: target.alpha && info.channels % 2 === 0,
        },
        warnings: [
          ...lossWarnings(step, mediaInfo, frames),
          ...unusedSettings(step.options, settingsOf(target.id), target.name),
        ],
      };
    } catch (error) {
      throw toKilnError(error, step);
    }
  }
}

/** Opens a picture to be edited: upright, and checked against all limits. Decodes nothing yet. */
export async function readPicture(
  step: ConvertStep,
  inputPath: string,
  limits: EngineLimits,
): Promise<{ picture: Sharp; mediaInfo: MediaInfo; size: Size; frames: number }> {
  const { input, mediaInfo } = await openPicture(step.source, inputPath, limits, step.options.density);
  const { page, density } = step.options;
  const animate =
    page === undefined && requireFormat(step.source).animated && requireFormat(step.target).animated;
  const frames = animate ? (mediaInfo.frames ?? 1) : 1;
  checkPage(page, mediaInfo);
  refuseTurnedAnimation(step.options, frames);
  const upright = { width: mediaInfo.width ?? 1, height: mediaInfo.height ?? 1 };
  const size = resultSize(upright, step.options);
  checkWork(upright, size, frames, limits);
  const picture = sharp(input, {
    ...readOptions(limits, density),
    ...(frames > 1 ? { pages: -1 } : {}),
    ...(page === undefined ? {} : { page: page - 1 }),
  });
  return { picture: frames > 1 ? picture : picture.autoOrient(), mediaInfo, size, frames };
}

async function openPicture(source: FormatId, inputPath: string, limits: EngineLimits, density?: number) {
  try {
    const input = source === 'svg' ? await readSvg(inputPath) : inputPath;
    // Turns the library's limit off, which would hide the header: our own limits check it below.
    const header = await sharp(input, {
      ...readOptions(limits, density),
      limitInputPixels: false,
    }).metadata();
    if ((LIBRARY_NAMES[header.format] ?? header.format) !== source) {
      throw new KilnError('TYPE_MISMATCH', `The file is not a ${requireFormat(source).name} picture.`);
    }
    const mediaInfo = mediaInfoOf(header);
    checkMediaInfo(mediaInfo, limits);
    return { input, mediaInfo };
  } catch (error) {
    throw toKilnError(error, { source });
  }
}

function readOptions(limits: EngineLimits, density = 72): SharpOptions {
  return { failOn: 'error', limitInputPixels: limits.maxPixelsTotal, density };
}

/** Reads an SVG into memory, because librsvg follows references only relative to a file. */
async function readSvg(inputPath: string): Promise<Uint8Array> {
  const bytes = await readFile(inputPath);
  checkSvg(bytes);
  return bytes;
}

function mediaInfoOf(header: Metadata): MediaInfo {
  const { width, height } =
    header.pageHeight === undefined ? header.autoOrient : { width: header.width, height: header.pageHeight };
  return { width, height, frames: header.pages ?? 1, hasAlpha: header.hasAlpha };
}

function keepMetadata(picture: Sharp, options: ImageOptions): void {
  if (!options.stripMetadata) picture.keepExif().keepXmp().withIccProfile('srgb');
}

function checkPage(page: number | undefined, { frames = 1 }: MediaInfo): void {
  if (page === undefined || page <= frames) return;
  throw new KilnError('INVALID_OPTION', `The option page must be at most ${frames} for this file.`, {
    field: 'options.page',
  });
}

function refuseTurnedAnimation({ rotate, flip }: ImageOptions, frames: number): void {
  if (frames === 1 || (rotate === 0 && !flip)) return;
  throw new KilnError('INVALID_OPTION', 'An animation cannot be rotated or flipped top to bottom.', {
    field: rotate === 0 ? 'options.flip' : 'options.rotate',
    hint: 'Choose one frame with options.page.',
  });
}
