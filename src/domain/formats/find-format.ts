import { KilnError } from '../errors.ts';
import { nearestNames } from '../names.ts';
import type { Format, FormatId } from './format.ts';
import { IMAGE_FORMATS } from './image.ts';

/** Every format that Kiln knows, by its id. */
export const FORMATS: ReadonlyMap<FormatId, Format> = new Map(
  IMAGE_FORMATS.map((format) => [format.id, format]),
);

const BY_EXTENSION = new Map(
  [...FORMATS.values()].flatMap((format) =>
    format.extensions.map((extension) => [extension, format] as const),
  ),
);
const BY_MIME = new Map(
  [...FORMATS.values()].flatMap((format) =>
    [format.mime, ...format.otherMimes].map((mime) => [mime, format] as const),
  ),
);
const READABLE = [...FORMATS.values()].filter(({ readers }) => readers.length > 0);
const WRITABLE = [...FORMATS.values()].filter(({ writers }) => writers.length > 0).map(({ id }) => id);

/** With an extension and a browser's " (1)" still below the 255 bytes of common file systems. */
const MAX_STEM_BYTES = 200;
const RESERVED_STEM = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Finds a format by id or alias ("jpeg", "TIF"), in any letter case. */
export function findFormat(id: string): Format | undefined {
  return BY_EXTENSION.get(id.toLowerCase());
}

/** Like findFormat, for ids that our own records hold. */
export function requireFormat(id: FormatId): Format {
  const format = findFormat(id);
  if (!format) throw new KilnError('UNSUPPORTED_CONVERSION', 'The format is not known to Kiln.');
  return format;
}

/** Helps with a name that is no source format: says what was probably meant, else everything that can be read. */
export function sourceHint(id: string): string {
  return hintFor(
    id,
    READABLE.map((format) => format.id),
  );
}

/** Helps with a name that is no target format: says what was probably meant, else everything that can be written. */
export function targetHint(id: string): string {
  return hintFor(id, WRITABLE);
}

function hintFor(id: string, possible: readonly FormatId[]): string {
  const spellings = possible.flatMap((known) => FORMATS.get(known)?.extensions ?? []);
  const near = nearestNames(id, spellings);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `The formats are ${possible.join(', ')}.`;
}

/** What the name of a file claims; the bytes decide (detect.ts). */
export function formatOfFilename(name: string): Format | undefined {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? undefined : findFormat(name.slice(dot + 1));
}

/** Finds a format by media type; parameters such as a charset are ignored. */
export function formatOfMime(mime: string): Format | undefined {
  const [essence = ''] = mime.split(';', 1);
  return BY_MIME.get(essence.trim().toLowerCase());
}

/** What a format can become, itself included where it can be written. */
export function targetsOf(source: FormatId): FormatId[] {
  const format = findFormat(source);
  if (!format || format.readers.length === 0) return [];
  return WRITABLE.filter((id) => FORMATS.get(id)?.category === format.category);
}

/** The name of a converter in URLs: "jpg-to-png". */
export function converterSlug(source: FormatId, target: FormatId): string {
  return `${source}-to-${target}`;
}

/** Reads a converter's name back, aliases included; undefined when Kiln has no such converter. */
export function parseConverterSlug(slug: string): { source: FormatId; target: FormatId } | undefined {
  const [from = '', to = '', ...rest] = slug.split('-to-');
  const source = findFormat(from)?.id;
  const target = findFormat(to)?.id;
  if (rest.length > 0 || !source || !target || !targetsOf(source).includes(target)) return undefined;
  return { source, target };
}

/** Helps with a name of no converter: says what the source can become, or which format was probably meant. */
export function converterHint(slug: string): string {
  const [from = '', to = ''] = slug.split('-to-');
  const source = findFormat(from);
  if (to === '') return 'A converter is named <source>-to-<target>, such as "jpg-to-png".';
  if (!source) return sourceHint(from);
  return findFormat(to) ? `${source.name} can become ${targetsOf(source.id).join(', ')}.` : targetHint(to);
}

/** The name under which a result is offered: "hero.jpg" to PNG is "hero.png". Safe for any input. */
export function outputFilename(inputFilename: string, target: FormatId): string {
  const base = inputFilename.split(/[/\\]/).at(-1) ?? '';
  const named = base.lastIndexOf('.') > 0 ? base.slice(0, base.lastIndexOf('.')) : base;
  return `${safeStem(named)}.${target}`;
}

function safeStem(name: string): string {
  const clean = name
    .normalize('NFC')
    // Control and format characters (bidirectional overrides among them) make a name lie about itself.
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[\s.-]+|[\s.]+$/g, '');
  const stem = truncate(clean, MAX_STEM_BYTES).trimEnd();
  if (stem === '') return 'file';
  return RESERVED_STEM.test(stem) ? `${stem}_` : stem;
}

/** Cuts between characters: what does not fit whole is not begun. */
function truncate(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
