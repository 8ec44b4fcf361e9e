import type { ImageOptions } from '../../domain/options/image.ts';

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Returns the size that the options make of an upright picture, without decoding it. */
export function resultSize(input: Size, options: ImageOptions): Size {
  const turned = options.rotate % 180 === 0 ? input : { width: input.height, height: input.width };
  const { width, height, fit } = options;
  if (width === undefined && height === undefined) return turned;
  if (width === undefined || height === undefined)
    return scale(turned, scaleForOneSide(turned, width, height));
  const ratios = [width / turned.width, height / turned.height];
  if (fit === 'inside') return scale(turned, Math.min(...ratios));
  if (fit === 'outside') return scale(turned, Math.max(...ratios));
  return { width, height };
}

/** Returns the largest size of the same shape whose sides do not exceed `side`; never enlarges. */
export function within(size: Size, side: number): Size {
  return scale(size, Math.min(1, side / Math.max(size.width, size.height)));
}

function scaleForOneSide(size: Size, width?: number, height?: number): number {
  return width === undefined ? (height ?? size.height) / size.height : width / size.width;
}

function scale(size: Size, factor: number): Size {
  return {
    width: Math.max(1, Math.round(size.width * factor)),
    height: Math.max(1, Math.round(size.height * factor)),
  };
}
