import { KilnError } from '../../domain/errors.ts';
import type { MediaInfo } from '../converter.ts';
import type { Size } from '../image/size.ts';

/**
 * What one engine call may cost; more ends it with a KilnError. A job keeps only the message of it, so that names the
 * operator's setting as well.
 */
export interface EngineLimits {
  /** Pixels of one frame, both of the input and of the output. */
  maxPixels: number;
  maxFrames: number;
  /** Pixels of all frames together. */
  maxPixelsTotal: number;
  timeoutMs: number;
  /** Resident memory of one engine process, in bytes. */
  maxMemoryBytes: number;
  maxOutputBytes: number;
}

/** Defaults for a small machine; the operator's settings replace them. */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  maxPixels: 100_000_000,
  maxFrames: 1000,
  maxPixelsTotal: 400_000_000,
  timeoutMs: 120_000,
  maxMemoryBytes: 2048 * 2 ** 20,
  maxOutputBytes: 2 * 2 ** 30,
};

/**
 * Checks a file by its header, before any pixel is decoded. @throws KilnError TOO_MANY_PIXELS or
 * TOO_MANY_FRAMES
 */
export function checkMediaInfo(mediaInfo: MediaInfo, limits: EngineLimits): void {
  const { width = 0, height = 0, frames = 1 } = mediaInfo;
  if (width * height > limits.maxPixels) throw tooManyPixels('The picture has', { width, height }, limits);
  if (frames > limits.maxFrames) {
    throw new KilnError(
      'TOO_MANY_FRAMES',
      `The file has ${frames} frames or pages; at most ${limits.maxFrames} are allowed (KILN_LIMIT_FRAMES).`,
    );
  }
}

/**
 * Checks the frames that are about to be decoded, and what the options make of them.
 * @throws KilnError TOO_MANY_PIXELS
 */
export function checkWork(input: Size, result: Size, frames: number, limits: EngineLimits): void {
  if (result.width * result.height > limits.maxPixels)
    throw tooManyPixels('The result would have', result, limits);
  const largest = Math.max(input.width * input.height, result.width * result.height);
  if (largest * frames <= limits.maxPixelsTotal) return;
  const [total, allowed] = [largest * frames, limits.maxPixelsTotal].map(megapixels);
  throw new KilnError(
    'TOO_MANY_PIXELS',
    `All ${frames} frames together have ${total}; at most ${allowed} are allowed. Choose one frame with options.page.`,
  );
}

function tooManyPixels(what: string, { width, height }: Size, limits: EngineLimits): KilnError {
  return new KilnError(
    'TOO_MANY_PIXELS',
    `${what} ${width} × ${height} pixels; at most ${megapixels(limits.maxPixels)} are allowed (KILN_LIMIT_PIXELS).`,
  );
}

function megapixels(pixels: number): string {
  return pixels < 1e6 ? `${pixels} pixels` : `${Math.floor(pixels / 1e6)} megapixels`;
}
