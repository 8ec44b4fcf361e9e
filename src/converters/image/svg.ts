import { KilnError } from '../../domain/errors.ts';

/** More pixels than a drawing has on a side; libvips would silently make one pixel of it. */
const MAX_SIDE = 1_000_000;
/** Pixels of each unit at 96 dots per inch. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  px: 1,
  pt: 4 / 3,
  pc: 16,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
};
const MAX_ENTITY_EXPANSION = 1_000_000;
const SAFE_ENCODING = /^(?:utf-8|us-ascii|ascii|iso-8859-\d+|windows-125\d)$/i;

/**
 * Rejects entities by which an XML parser reads files or grows without end, and sides that are far too large.
 * Plain constants are allowed, because Illustrator writes its name spaces as entities.
 * @throws KilnError CORRUPT_INPUT or TOO_MANY_PIXELS
 */
export function checkSvg(bytes: Uint8Array): void {
  // Decodes byte by byte, so that no encoding can hide a declaration from the patterns below.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const encoding = /^[^<]*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/i.exec(text)?.[1];
  if (text.includes('\0') || (encoding !== undefined && !SAFE_ENCODING.test(encoding))) {
    throw refused('The SVG is not in a text encoding that Kiln accepts.', 'Save it as UTF-8.');
  }
  const entities = Array.from(text.matchAll(/<!ENTITY\s+([^>]*)/gi), ([, declaration = '']) => declaration);
  if (entities.length > 0) checkEntities(entities, text);
  checkSides(text);
}

/** Checks width and height of the outermost element, or its viewBox where those are absent or relative. */
function checkSides(text: string): void {
  const root = /<(?:[\w.-]+:)?svg\b((?:[^>"']|"[^"]*"|'[^']*')*)>/i.exec(text)?.[1] ?? '';
  const attribute = (name: string) =>
    new RegExp(`(?:^|\\s)${name}\\s*=\\s*["']\\s*([^"']*?)\\s*["']`, 'i').exec(root)?.[1] ?? '';
  const box = attribute('viewBox').split(/[\s,]+/);
  const sides = ['width', 'height'].map((name, i) => pixelsOf(attribute(name)) ?? Number(box[i + 2] ?? 0));
  const [width = 0, height = 0] = sides;
  if (!sides.some((side) => side > MAX_SIDE)) return;
  throw new KilnError(
    'TOO_MANY_PIXELS',
    `The SVG says that it is ${width} × ${height} pixels; at most ${MAX_SIDE} are allowed on a side.`,
  );
}

/** Converts a length to pixels. Returns null for a relative one such as 100%. */
function pixelsOf(length: string): number | null {
  const [, value = '', unit = ''] = /^\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*([a-z]*)$/i.exec(length) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return value === '' || factor === undefined ? null : Number(value) * factor;
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
