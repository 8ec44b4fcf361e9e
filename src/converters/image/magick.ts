import { readFile, writeFile } from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { EngineName, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { MediaInfo } from '../converter.ts';
import type { Engine, EngineIo, EngineOutcome } from '../process/engine.ts';
import { toKilnError } from '../process/engine-error.ts';
import { checkMediaInfo, checkWork } from '../process/engine-limits.ts';
import { firstThatSupports } from '../registry.ts';
import { USUAL_BITS } from './bit-depth.ts';
import { checkClaimedSize } from './claimed-size.ts';
import { ditherToTwoTones } from './dither.ts';
import { applyEdits, lossWarnings } from './edits.ts';
import { encodeAs, keepsFrames, type Setting, settingsOf, unusedSettings } from './encoders.ts';
import { checkPage, refuseTurnedAnimation } from './frames.ts';
import {
  decode,
  decodeAnimation,
  encode,
  type Frame,
  mainFrame,
  mediaInfoOf,
  type Pixels,
  pingFrames,
} from './magick-codec.ts';
import { limitMagick, loadMagick } from './magick-library.ts';
import { readPicture } from './sharp.ts';
import { sharp } from './sharp-library.ts';
import { resultSize, type Size, within } from './size.ts';

/** Options that ImageMagick's coders use; those of all other formats are lossless and have none. */
const SETTINGS: Record<FormatId, readonly Setting[]> = {
  jxl: ['quality', 'lossless', 'effort'],
  jp2: ['quality', 'lossless'],
  j2k: ['quality', 'lossless'],
  jng: ['quality'],
};

/**
 * Formats that get grey pixels or dithered ones: their coders would keep one channel of three, or cut at half
 * brightness.
 */
const GREY: readonly FormatId[] = ['pgm', 'fits'];
const TWO_TONES: readonly FormatId[] = ['pbm', 'xbm', 'wbmp'];
const LAYOUTS: Record<number, Pixels['layout']> = { 1: 'GRAY', 3: 'RGB', 4: 'RGBA' };

interface Decoded {
  picture: Sharp;
  mediaInfo: MediaInfo;
  size: Size;
  frames: number;
  delays?: number[];
}

/**
 * Creates the engine for formats that libvips does not know. ImageMagick only decodes and encodes: sharp scales,
 * turns and flattens in every pair, so that options mean the same everywhere.
 */
export async function createMagickEngine(): Promise<Engine> {
  const { version: library, sRgb } = await loadMagick();
  const version = `${library} (magick-wasm)`;
  return {
    name: 'magick',
    version,
    probe: async (source, inputPath, limits) => {
      try {
        limitMagick(limits);
        const bytes = await readFile(inputPath);
        checkClaimedSize(bytes, source, limits);
        return mediaInfoOf(pingFrames(bytes, source), source, limits);
      } catch (error) {
        throw toKilnError(error, { source });
      }
    },
    convert,
  };

  async function convert(step: ConvertStep, io: EngineIo): Promise<EngineOutcome> {
    try {
      limitMagick(io.limits);
      const source = await firstThatSupports(decodersFor(step), (decoder) =>
        decoder === 'magick' ? decodeHere(step, io) : readPicture(step, io.inputPath, io.limits),
      );
      io.onProgress(50);
      const { size, warnings } = fitToTarget(step, source.size);
      applyEdits(source.picture, { ...step, options: { ...step.options, ...size } }, size ?? source.size);
      const output = await (requireFormat(step.target).writers[0] === 'sharp'
        ? bySharp(source, step, io)
        : byMagick(source.picture, step, io));
      return {
        engine: version,
        input: source.mediaInfo,
        output,
        warnings: [
          ...lossWarnings(step, source.mediaInfo, { frames: output.frames ?? 1, bits: USUAL_BITS }),
          ...settingWarnings(step),
          ...warnings,
        ],
      };
    } catch (error) {
      throw toKilnError(error, step);
    }
  }

  async function decodeHere(step: ConvertStep, { inputPath, limits }: EngineIo): Promise<Decoded> {
    const bytes = await readFile(inputPath);
    checkClaimedSize(bytes, step.source, limits);
    const frames = pingFrames(bytes, step.source);
    const mediaInfo = mediaInfoOf(frames, step.source, limits);
    const frame = chosenFrame(step, frames);
    const header = frames[frame] ?? { width: 1, height: 1 };
    const kept = keepsFrames(step) ? frames.length : 1;
    checkMediaInfo(header, limits);
    checkWork(header, resultSize(header, step.options), kept, limits);
    refuseTurnedAnimation(step.options, kept);
    const pixels: Pixels & { delays?: number[] } =
      kept > 1 ? decodeAnimation(bytes, step.source, sRgb) : decode(bytes, step.source, frame, sRgb);
    const { data, width, layout, delays } = pixels;
    const height = pixels.height / kept;
    const hasAlpha = layout === 'RGBA';
    const picture = sharp(data, {
      raw: {
        width,
        height: pixels.height,
        channels: hasAlpha ? 4 : 3,
        ...(kept > 1 ? { pageHeight: height } : {}),
      },
      ...(kept > 1 ? { pages: -1 } : {}),
      limitInputPixels: limits.maxPixelsTotal,
    });
    return {
      picture,
      mediaInfo: { ...mediaInfo, width, height, hasAlpha },
      size: resultSize({ width, height }, step.options),
      frames: kept,
      ...(delays ? { delays } : {}),
    };
  }
}

function chosenFrame({ source, options: { page } }: ConvertStep, frames: Frame[]): number {
  checkPage(page, frames.length);
  return page === undefined ? mainFrame(frames, source) : page - 1;
}

/** Returns who may decode the source, in order. Where sharp could also write, it has already tried and refused. */
function decodersFor({ source, target }: ConvertStep): readonly EngineName[] {
  return requireFormat(target).writers[0] === 'sharp' ? ['magick'] : requireFormat(source).readers;
}

/** Returns the largest size that an icon can have, with a warning, if the picture is larger; else no size. */
function fitToTarget({ target }: ConvertStep, size: Size): { size?: Size; warnings: string[] } {
  const { name, maxSide } = requireFormat(target);
  if (target !== 'ico' || maxSide === undefined || Math.max(size.width, size.height) <= maxSide)
    return { warnings: [] };
  return {
    size: within(size, maxSide),
    warnings: [`A ${name} has at most ${maxSide} pixels on a side: the picture was made smaller.`],
  };
}

async function bySharp(
  { picture, frames, delays }: Decoded,
  step: ConvertStep,
  { outputPath }: EngineIo,
): Promise<MediaInfo> {
  const kept = delays ? { delays } : {};
  const info = await encodeAs(picture, step.target, step.options, kept).toFile(outputPath);
  const { width, height, pageHeight = height, channels } = info;
  const hasAlpha = requireFormat(step.target).alpha && channels % 2 === 0;
  return { width, height: pageHeight, frames, hasAlpha, bitDepth: USUAL_BITS };
}

async function byMagick(
  picture: Sharp,
  step: ConvertStep,
  { outputPath, onProgress }: EngineIo,
): Promise<MediaInfo> {
  const grey = GREY.includes(step.target) || TWO_TONES.includes(step.target);
  picture.toColourspace(grey ? 'b-w' : 'srgb');
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  onProgress(70);
  const { width, height, channels } = info;
  const layout = LAYOUTS[channels];
  if (!layout) throw new TypeError(`pixels of ${channels} channels`);
  if (TWO_TONES.includes(step.target)) ditherToTwoTones(data, width);
  await writeFile(outputPath, encode({ data, width, height, layout }, step.target, step.options));
  return { width, height, frames: 1, hasAlpha: layout === 'RGBA' };
}

function settingWarnings(step: ConvertStep): string[] {
  const { id, name, writers } = requireFormat(step.target);
  const warnings = unusedSettings(
    step.options,
    writers[0] === 'sharp' ? settingsOf(id) : (SETTINGS[id] ?? ['lossless']),
    name,
  );
  if (!step.options.stripMetadata) warnings.push(`Metadata could not be carried over to ${name}.`);
  return warnings;
}
