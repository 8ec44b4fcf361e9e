import type { Sharp } from 'sharp';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { Format } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ImageOptions } from '../../domain/options/image.ts';
import type { MediaInfo } from '../converter.ts';
import { USUAL_BITS } from './bit-depth.ts';
import type { Size } from './size.ts';

const WHITE = '#ffffff';
const CLEAR = '#00000000';

/**
 * Turns, scales and flattens, in the order that the options' descriptions promise. Changes and returns
 * `picture`.
 */
export function applyEdits(picture: Sharp, step: ConvertStep, size: Size): Sharp {
  const { options } = step;
  const target = requireFormat(step.target);
  if (options.rotate !== 0) picture.rotate(options.rotate);
  if (options.flip) picture.flip();
  if (options.flop) picture.flop();
  if (options.width !== undefined || options.height !== undefined) resize(picture, options, size, target);
  if (!target.alpha || isOpaque(options.background))
    picture.flatten({ background: opaque(options.background) });
  return picture;
}

/** Returns sentences about what the target format cannot hold. */
export function lossWarnings(
  step: ConvertStep,
  input: MediaInfo,
  kept: { frames: number; bits: number },
): string[] {
  const source = requireFormat(step.source);
  const target = requireFormat(step.target);
  const { frames = 1, hasAlpha = false, bitDepth = USUAL_BITS } = input;
  const warnings: string[] = [];
  if (frames > kept.frames && step.options.page === undefined) {
    warnings.push(`The ${source.name} file has ${frames} frames or pages; only the first was converted.`);
  }
  if (hasAlpha && !target.alpha && step.options.background === undefined) {
    warnings.push(`${target.name} has no transparency: transparent parts, if there were any, are now white.`);
  }
  if (bitDepth > kept.bits && bitDepth > USUAL_BITS)
    warnings.push(`The ${source.name} file has ${bitDepth} bits a channel; ${kept.bits} were kept.`);
  return warnings;
}

function resize(picture: Sharp, options: ImageOptions, size: Size, target: Format): void {
  // `size` already includes inside and outside, so that the result has the very size that was checked.
  const { fit } = options;
  const exact = fit === 'contain' || fit === 'cover';
  const background = target.alpha ? (options.background ?? CLEAR) : opaque(options.background);
  picture.resize({
    ...size,
    fit: exact ? fit : 'fill',
    background: background === 'transparent' ? CLEAR : background,
  });
}

function isOpaque(background: string | undefined): boolean {
  return background !== undefined && background !== 'transparent' && background.length === WHITE.length;
}

function opaque(background: string | undefined): string {
  return background === undefined || background === 'transparent' ? WHITE : background.slice(0, WHITE.length);
}
