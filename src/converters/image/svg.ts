import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { KilnError } from '../../domain/errors.ts';
import { CSS_DENSITY, withSize } from './svg-size.ts';

const MAX_ENTITY_EXPANSION = 1_000_000;
/** More text than a drawing has; a packed one could unfold to any length. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;
const GZIP = [0x1f, 0x8b];
const SAFE_ENCODING = /^(?:utf-8|us-ascii|ascii|iso-8859-\d+|windows-125\d)$/i;
const ENCODING = /^([^<]*<\?xml[^>]*?\sencoding\s*=\s*["'])([^"']*)(?=["'])/i;
const unpack = promisify(gunzip);

/**
 * Reads an SVG, packed (SVGZ) or not, into memory, because librsvg follows references only relative to a file, and
 * gives it the size that it has in a browser at `density` dots per inch. It is to be drawn at 96 dots per inch.
 * @throws KilnError CORRUPT_INPUT or TOO_MANY_PIXELS for one that must not reach the library
 */
export async function readSvg(path: string, density = CSS_DENSITY): Promise<Uint8Array> {
  const text = asUtf8(await unpacked(await readFile(path)));
  checkSvg(text);
  return Buffer.from(withSize(text, density), 'latin1');
}

async function unpacked(bytes: Buffer): Promise<Buffer> {
  if (GZIP.some((byte, i) => bytes[i] !== byte)) return bytes;
  try {
    return await unpack(bytes, { maxOutputLength: MAX_TEXT_BYTES });
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new KilnError('RESOURCE_LIMIT', 'The packed SVG unfolds to more than is allowed.', { cause });
    throw new KilnError('CORRUPT_INPUT', 'The packed SVG is damaged or not complete.', { cause });
  }
}

/** Returns the text byte by byte, so that no encoding can hide a declaration from the patterns; UTF-16 becomes UTF-8. */
function asUtf8(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark !== 'fffe' && mark !== 'feff') return bytes.toString('latin1');
  const text = new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be').decode(bytes);
  return Buffer.from(text.replace(ENCODING, '$1UTF-8')).toString('latin1');
}

/**
 * Rejects entities by which an XML parser reads files or grows without end. Plain constants are allowed, because
 * Illustrator writes its name spaces as entities.
 */
function checkSvg(text: string): void {
  const encoding = ENCODING.exec(text)?.[2];
  if (text.includes('\0') || (encoding !== undefined && !SAFE_ENCODING.test(encoding))) {
    throw refused('The SVG is not in a text encoding that Kiln accepts.', 'Save it as UTF-8.');
  }
  const entities = Array.from(text.matchAll(/<!ENTITY\s+([^>]*)/gi), ([, declaration = '']) => declaration);
  if (entities.length > 0) checkEntities(entities, text);
}
function checkEntities(declarations: string[], text: string): void {
  let expansion = 0;
  for (const declaration of declarations) {
    // External ones (SYSTEM, PUBLIC), parameter ones (%) and ones made of others do not match.
    const [, name, double, single] = /^([\w.-]+)\s+(?:"([^"&%]*)"|'([^'&%]*)')\s*$/.exec(declaration) ?? [];
    if (name === undefined)
      throw refused(
        'The SVG declares entities that Kiln does not expand.',
        'Save it without a document type.',
      );
    expansion += (double ?? single ?? '').length * (text.split(`&${name};`).length - 1);
  }
  if (expansion > MAX_ENTITY_EXPANSION)
    throw refused('The SVG grows too large when its entities are expanded.', 'Save it without entities.');
}

function refused(message: string, hint: string): KilnError {
  return new KilnError('CORRUPT_INPUT', message, { hint });
}
