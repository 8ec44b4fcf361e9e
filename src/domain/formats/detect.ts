import { FORMATS, formatOfFilename } from './find-format.ts';
import type { FormatId, Signature } from './format.ts';

/** How much of a file's beginning detectFormat wants; less is fine for a shorter file. */
export const DETECT_BYTES = 4096;

type Test = (head: Uint8Array) => boolean;

const BRANDS: Record<string, FormatId> = {
  avif: 'avif',
  avis: 'avif',
  heic: 'heic',
  heix: 'heic',
  heim: 'heic',
  heis: 'heic',
  hevc: 'heic',
  hevx: 'heic',
};

/** TIFF by their bytes: here the name chooses within the family. */
const TIFF_BASED: readonly FormatId[] = ['dng'];

const ICON_KINDS: Record<number, FormatId> = { 1: 'ico', 2: 'cur' };

const NETPBM: Record<string, FormatId> = {
  P1: 'pbm',
  P2: 'pgm',
  P3: 'ppm',
  P4: 'pbm',
  P5: 'pgm',
  P6: 'ppm',
  P7: 'pam',
  PF: 'pfm',
  Pf: 'pfm',
};

/** Formats without fixed bytes, believed only when the name says so and the header is plausible. */
const BY_NAME_AND_SHAPE: Record<FormatId, Test> = {
  tga: looksLikeTga,
  wbmp: looksLikeWbmp,
  svg: isPacked,
};

const BY_SIGNATURE = [...FORMATS.values()]
  .flatMap((format) =>
    format.signatures.map((signature) => ({
      id: format.id,
      test: compile(signature),
      weight: weigh(signature),
    })),
  )
  // The longest first: the more bytes agree, the surer it is.
  .sort((left, right) => right.weight - left.weight);

/**
 * What the bytes really are, whatever their name says; undefined when they are nothing that Kiln reads.
 * The name only decides where bytes cannot.
 */
export function detectFormat(head: Uint8Array, filename?: string): FormatId | undefined {
  const named = filename === undefined ? undefined : formatOfFilename(filename)?.id;
  const signed = BY_SIGNATURE.find(({ test }) => test(head))?.id;
  if (signed === 'tiff' && named && TIFF_BASED.includes(named)) return named;
  return signed ?? brandOf(head) ?? iconOf(head) ?? netpbmOf(head) ?? textOf(head) ?? shapeOf(head, named);
}

function compile(signature: Signature): Test {
  const parts = Object.entries(signature).map(([offset, hex]) => ({
    offset: Number(offset),
    bytes: bytesOf(hex),
  }));
  return (head) =>
    parts.every(({ offset, bytes }) => bytes.every((byte, index) => head[offset + index] === byte));
}

function bytesOf(hex: string): number[] {
  return Array.from(hex.matchAll(/../g), ([pair]) => Number.parseInt(pair, 16));
}

function weigh(signature: Signature): number {
  return Object.values(signature).join('').length;
}

/** ISO/IEC 14496-12, 4.3: the major brand at 8, compatible brands from 16 to the end of the box. */
function brandOf(head: Uint8Array): FormatId | undefined {
  if (latin1(head, 4, 8) !== 'ftyp') return undefined;
  const boxEnd = Math.min(head.length, new DataView(head.buffer, head.byteOffset).getUint32(0));
  const brands = [latin1(head, 8, 12)];
  for (let at = 16; at + 4 <= boxEnd; at += 4) brands.push(latin1(head, at, at + 4));
  return brands.map((brand) => BRANDS[brand]).find((id) => id !== undefined);
}

/** A bare TGA header begins with the same four bytes; an icon says how many pictures it has. */
function iconOf(head: Uint8Array): FormatId | undefined {
  const [zero, zeroToo, kind = 0, high, count, countHigh] = head;
  if (head.length < 22 || zero !== 0 || zeroToo !== 0 || high !== 0) return undefined;
  if ((count === 0 && countHigh === 0) || head[9] !== 0) return undefined;
  return ICON_KINDS[kind];
}

function netpbmOf(head: Uint8Array): FormatId | undefined {
  const start = latin1(head, 0, 64);
  return /^P[1-7Ff]\s+(?:#|\d|WIDTH)/.test(start) ? NETPBM[start.slice(0, 2)] : undefined;
}

function textOf(head: Uint8Array): FormatId | undefined {
  const text = plainText(head);
  // A picture's text is text: a NUL means another format.
  if (text.includes('\0')) return undefined;
  if (/^(?:\/\*[^*]*\*\/\s*)?#define\s+\S*width\s+\d+/.test(text)) return 'xbm';
  return isSvg(text) ? 'svg' : undefined;
}

/** The head as text without its byte order mark; characters beyond Latin-1 do not matter here. */
function plainText(head: Uint8Array): string {
  const mark = latin1(head, 0, 2);
  if (mark === '\xff\xfe') return new TextDecoder('utf-16le').decode(head);
  if (mark === '\xfe\xff') return new TextDecoder('utf-16be').decode(head);
  return latin1(head, 0, DETECT_BYTES).replace(/^\xef\xbb\xbf/, '');
}

function isSvg(text: string): boolean {
  const root = skipProlog(text);
  return /^<(?:[\w-]+:)?svg[\s/>]/.test(root);
}

/** Drops what XML allows before the root element: declaration, comments, instructions, document type. */
function skipProlog(text: string): string {
  let rest = text.trimStart();
  for (;;) {
    const length = prologPartLength(rest);
    if (length === 0) return rest;
    rest = rest.slice(length).trimStart();
  }
}

function prologPartLength(text: string): number {
  if (text.startsWith('<!--')) return lengthTo(text, '-->');
  if (text.startsWith('<?')) return lengthTo(text, '?>');
  if (!/^<!doctype\s+(?:[\w-]+:)?svg\b/i.test(text)) return 0;
  const subset = text.indexOf('[');
  const end = text.indexOf('>');
  return subset >= 0 && subset < end
    ? lengthTo(text, ']') + lengthTo(text.slice(lengthTo(text, ']')), '>')
    : end + 1;
}

/** Zero when the end is not there: then the rest is not skipped. */
function lengthTo(text: string, end: string): number {
  const at = text.indexOf(end);
  return at < 0 ? 0 : at + end.length;
}

function shapeOf(head: Uint8Array, named: FormatId | undefined): FormatId | undefined {
  return named && BY_NAME_AND_SHAPE[named]?.(head) ? named : undefined;
}

function looksLikeTga(head: Uint8Array): boolean {
  const [, colorMap = 255, kind = 255] = head;
  const depth = head[16] ?? 0;
  return (
    head.length > 18 &&
    colorMap <= 1 &&
    [1, 2, 3, 9, 10, 11].includes(kind) &&
    [8, 15, 16, 24, 32].includes(depth)
  );
}

/** RFC 1952, 2.3.1: an SVG packed with gzip. */
function isPacked(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;
}

/** WAP-190, 4.5.1: type 0 and a fixed header without extensions. */
function looksLikeWbmp(head: Uint8Array): boolean {
  return head.length > 4 && head[0] === 0 && head[1] === 0 && head[2] !== 0;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}
