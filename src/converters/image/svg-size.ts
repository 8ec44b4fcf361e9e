import { KilnError } from '../../domain/errors.ts';
import type { Size } from './size.ts';

/** More pixels than a drawing has on a side; libvips would silently make one pixel of it. */
const MAX_SIDE = 1_000_000;
/** CSS pixels are 1/96 inch (CSS Values 4, 6.2). */
export const CSS_DENSITY = 96;
/** Pixels of each unit. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  px: 1,
  pt: 4 / 3,
  pc: 16,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
  em: 16,
  rem: 16,
  ex: 8,
};
/** What browsers give a drawing that states no size of its own (CSS 2.2, 10.3.2). */
const DEFAULT_SIZE: Size = { width: 300, height: 150 };
/** The root element, after any comments. */
const ROOT = /<!--[\s\S]*?-->|<(?:[\w.-]+:)?svg\b((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>/gi;
/** libvips multiplies what librsvg draws by this at 96 dots per inch, the only density at which inner units are right. */
const LIBRARY_SCALE = CSS_DENSITY / 72;

/**
 * Returns the SVG with a width, height and viewBox on its root element, so that drawn at 96 dots per inch it has the
 * size that a browser would give it, times `density` / 96.
 * @throws KilnError TOO_MANY_PIXELS for sides that no picture has
 */
export function withSize(svg: string, density: number): string {
  const root = svg.matchAll(ROOT).find(([text]) => !text.startsWith('<!--'));
  if (!root) return svg;
  const [tag, attributes = '', end = ''] = root;
  const size = sizeOf(attributes);
  checkSides(size);
  const scale = density / CSS_DENSITY / LIBRARY_SCALE;
  const viewBox = boxOf(attributes) ? '' : ` viewBox="0 0 ${size.width} ${size.height}"`;
  const others = attributes.replaceAll(attribute('width|height'), '');
  const name = tag.slice(0, tag.length - attributes.length - end.length - 1);
  const sides = ` width="${size.width * scale}" height="${size.height * scale}"`;
  const sized = `${name}${sides}${viewBox}${others}${end}>`;
  return svg.slice(0, root.index) + sized + svg.slice(root.index + tag.length);
}

/** Returns width and height in CSS pixels: as stated, else by the shape of the viewBox, else the browsers' default. */
function sizeOf(attributes: string): Size {
  const box = boxOf(attributes);
  const width = pixelsOf(textOf(attributes, 'width'));
  const height = pixelsOf(textOf(attributes, 'height'));
  if (!box) return { width: width ?? DEFAULT_SIZE.width, height: height ?? DEFAULT_SIZE.height };
  if (width !== null) return { width, height: height ?? (width * box.height) / box.width };
  if (height !== null) return { width: (height * box.width) / box.height, height };
  return box;
}

function boxOf(attributes: string): Size | null {
  const [, , width = 0, height = 0] = textOf(attributes, 'viewBox')
    .split(/[\s,]+/)
    .map(Number);
  return width > 0 && height > 0 ? { width, height } : null;
}

function textOf(attributes: string, name: string): string {
  return (attribute(name).exec(attributes)?.[1] ?? '').trim();
}

/** Matches an attribute, its value without quotes as the first group. */
function attribute(names: string): RegExp {
  return new RegExp(`(?<=^|\\s)(?:${names})\\s*=\\s*(?=["'])(?:["']([^"']*)["'])`, 'gi');
}

/** Converts a length to pixels. Returns null for none, and for a relative one such as 100%. */
function pixelsOf(length: string): number | null {
  const [, value = '', unit = ''] = /^\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*([a-z]*)$/i.exec(length) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const pixels = factor === undefined ? 0 : Number(value) * factor;
  return pixels > 0 ? pixels : null;
}

function checkSides({ width, height }: Size): void {
  if (width <= MAX_SIDE && height <= MAX_SIDE) return;
  throw new KilnError(
    'TOO_MANY_PIXELS',
    `The SVG says that it is ${width} × ${height} pixels; at most ${MAX_SIDE} are allowed on a side.`,
  );
}
