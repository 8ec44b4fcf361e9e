import { readFile } from 'node:fs/promises';
import {
  ColorProfile,
  ConfigurationFiles,
  initializeImageMagick,
  Magick,
  type MagickFormat,
  ResourceLimits,
} from '@imagemagick/magick-wasm';
import { FORMATS } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import type { EngineLimits } from '../process/engine-limits.ts';
import { sharp } from './sharp-library.ts';

/** ImageMagick's names of formats, where they differ from our ids. */
const CODERS: Record<FormatId, MagickFormat> = { jpg: 'JPEG', ras: 'SUN', ff: 'FARBFELD' };

/**
 * Coders besides those of our formats: GRAY, RGB and RGBA for raw pixels; PNG and JPEG also occur inside
 * icons, JNG and PICT.
 */
const INNER_CODERS = ['GRAY', 'RGB', 'RGBA', 'PNG', 'JPEG'];

/** Returns the ImageMagick coder of one of our formats. */
export function coderOf(id: FormatId): MagickFormat {
  // The cast holds because every id is checked against the library by the converter contract.
  return CODERS[id] ?? (id.toUpperCase() as MagickFormat);
}

/**
 * Starts ImageMagick inside WebAssembly: no files, no network, and only the coders that the format table
 * names.
 */
export async function loadMagick(): Promise<{ version: string; sRgb: ColorProfile }> {
  const wasm = await readFile(new URL(import.meta.resolve('@imagemagick/magick-wasm/magick.wasm')));
  const configuration = ConfigurationFiles.default;
  configuration.policy.data = policy();
  await initializeImageMagick(wasm, configuration);
  const version = /^ImageMagick \S+/.exec(Magick.imageMagickVersion)?.[0] ?? 'ImageMagick';
  return { version, sRgb: new ColorProfile(await sRgbProfile()) };
}

/** Sets the library's own limits, as a second line behind our check of the header. */
export function limitMagick(limits: EngineLimits): void {
  ResourceLimits.memory = BigInt(limits.maxMemoryBytes);
  ResourceLimits.listLength = BigInt(limits.maxFrames);
  ResourceLimits.disk = 0n;
}

function policy(): string {
  const named = [...FORMATS.values()]
    .filter(({ readers, writers }) => readers.includes('magick') || writers.includes('magick'))
    .map(({ id }) => coderOf(id));
  const allowed = [...new Set([...named, ...INNER_CODERS])].join(',');
  return `<policymap>
    <policy domain="coder" rights="none" pattern="*"/>
    <policy domain="coder" rights="read | write" pattern="{${allowed}}"/>
    <policy domain="path" rights="none" pattern="@*"/>
  </policymap>`;
}

/** Returns the sRGB profile that libvips ships, by writing it into a picture of one pixel. */
async function sRgbProfile(): Promise<Uint8Array> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000000' } });
  const { icc } = await sharp(await pixel.withIccProfile('srgb').png().toBuffer()).metadata();
  if (!icc) throw new Error('libvips gave no sRGB profile');
  return icc;
}
