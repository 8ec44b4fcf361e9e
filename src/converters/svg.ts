import { ConversionError } from '../domain/errors.ts';

const MAX_ENTITY_EXPANSION = 1_000_000;
const SAFE_ENCODING = /^(?:utf-8|us-ascii|ascii|iso-8859-\d+|windows-125\d)$/i;

/**
 * Refuses what an XML parser could be made to do with entities: read files, or grow without end.
 * Plain constants stay allowed, because Illustrator writes its name spaces as entities.
 */
export function checkSvg(bytes: Uint8Array): void {
  // Byte by byte, so that no encoding can hide a declaration from the patterns below.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const encoding = /^[^<]*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/i.exec(text)?.[1];
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

function refused(message: string, hint: string): ConversionError {
  return new ConversionError('CORRUPT_INPUT', message, { hint });
}
