import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { FetchError } from './network-error.ts';

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Returns the body decompressed. Accepts one coding at most: of several in a row each could unfold a thousandfold.
 * @throws FetchError `protocol` for any other Content-Encoding.
 */
export function decoded(body: Readable, contentEncoding = ''): Readable {
  const coding = contentEncoding.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return body;
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (!decoder) throw new FetchError('protocol');
  // An error of either half ends both and reaches the reader.
  return pipeline(body, decoder(), () => undefined);
}

/** Yields the body. @throws FetchError `too_large` once it has more than `maxBytes`. */
export async function* withinBytes(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new FetchError('too_large');
    yield chunk;
  }
}
