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

/** ImageMagick's own names, where they differ from our ids. */
const CODERS: Record<FormatId, MagickFormat> = { jpg: 'JPEG', ras: 'SUN', ff: 'FARBFELD' };

/** GRAY, RGB and RGBA are how pixels go in and out; PNG and JPEG also live inside icons, JNG and PICT. */
const INNER_CODERS = ['GRAY', 'RGB', 'RGBA', 'PNG', 'JPEG'];

/** The ImageMagick coder that is used for one of our formats, and for nothing else. */
export function coderOf(id: FormatId): MagickFormat {
  // The cast holds because every id is checked against the library by the converter contract.
  return CODERS[id] ?? (id.toUpperCase() as MagickFormat);
}

/** Starts ImageMagick inside WebAssembly: no files, no network, and only the coders that the format table names. */
export async function loadMagick(): Promise<{ version: string; sRgb: ColorProfile }> {
  const wasm = await readFile(new URL(import.meta.resolve('@imagemagick/magick-wasm/magick.wasm')));
  const configuration = ConfigurationFiles.default;
  configuration.policy.data = policy();
  await initializeImageMagick(wasm, configuration);
  const version = /^ImageMagick \S+/.exec(Magick.imageMagickVersion)?.[0] ?? 'ImageMagick';
  return { version, sRgb: new ColorProfile(await sRgbProfile()) };
}

/** The library's own walls, behind our check of the header. */
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

/** libvips ships the profile; a pixel that carries it gives it away. */
async function sRgbProfile(): Promise<Uint8Array> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000000' } });
  const { icc } = await sharp(await pixel.withIccProfile('srgb').png().toBuffer()).metadata();
  if (!icc) throw new Error('libvips gave no sRGB profile');
  return icc;
}
