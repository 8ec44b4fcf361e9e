import { KilnError } from '../../domain/errors.ts';
import type { ImageOptions } from '../../domain/options/image.ts';

/** Throws KilnError INVALID_OPTION for a page beyond the last of `frames`; without a page there is nothing to check. */
export function checkPage(page: number | undefined, frames: number): void {
  if (page === undefined || page <= frames) return;
  throw new KilnError('INVALID_OPTION', `The option page must be at most ${frames} for this file.`, {
    field: 'options.page',
  });
}

/** Throws KilnError INVALID_OPTION if several frames, which lie below each other, would be turned as one picture. */
export function refuseTurnedAnimation({ rotate, flip }: ImageOptions, frames: number): void {
  if (frames === 1 || (rotate === 0 && !flip)) return;
  throw new KilnError('INVALID_OPTION', 'An animation cannot be rotated or flipped top to bottom.', {
    field: rotate === 0 ? 'options.flip' : 'options.rotate',
    hint: 'Choose one frame with options.page.',
  });
}
