import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { FetchProblem } from './network-error.ts';

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * A body as it was before it was compressed for the way. One coding at most: of several in a row each
 * could unfold a thousandfold.
 */
export function decoded(body: Readable, contentEncoding = ''): Readable {
  const coding = contentEncoding.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return body;
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (!decoder) throw new FetchProblem('protocol');
  // An error of either half ends both, and the reader hears of it.
  return pipeline(body, decoder(), () => undefined);
}

/** Passes on as many bytes as are allowed, then breaks off. */
export async function* withinBytes(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new FetchProblem('too_large');
    yield chunk;
  }
}
