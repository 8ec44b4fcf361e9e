import type { FormatId } from '../../domain/formats/format.ts';

const BMP = {
  sizeAt: 2,
  pixelsAt: 10,
  header: 14,
  infoBytes: 40,
  os2Bytes: 64,
  depthAt: 28,
  compressionAt: 30,
};
const TGA = { header: 18, typeAt: 2, depthAt: 16, grey: 3, colours: 2, runLength: 8 };

/**
 * Returns a file whose header ImageMagick would misread with another that means the same and that it reads right;
 * any other file as it is.
 */
export function mendHeader(bytes: Buffer, source: FormatId): Buffer {
  if (source === 'bmp') return withWindowsHeader(bytes);
  if (source === 'tga') return withColourAndAlpha(bytes);
  return bytes;
}

/** Whether a BMP's fourth byte is a filler: without masks (BI_RGB) and in the oldest header, nothing gives it a meaning. */
export function hasFiller(bytes: Buffer): boolean {
  if (bytes.length < BMP.header + BMP.infoBytes) return false;
  const [infoBytes, depth, compression] = [
    bytes.readUInt32LE(BMP.header),
    bytes.readUInt16LE(BMP.depthAt),
    bytes.readUInt32LE(BMP.compressionAt),
  ];
  return infoBytes === BMP.infoBytes && depth === 32 && compression === 0;
}

/** OS/2 2.0 has a header of 64 bytes, the first 40 of which are those of Windows; a palette follows it. */
function withWindowsHeader(bytes: Buffer): Buffer {
  const end = BMP.header + BMP.os2Bytes;
  if (bytes.length < end || bytes.readUInt32LE(BMP.header) !== BMP.os2Bytes) return bytes;
  const surplus = BMP.os2Bytes - BMP.infoBytes;
  const start = Buffer.from(bytes.subarray(0, BMP.header + BMP.infoBytes));
  start.writeUInt32LE(bytes.length - surplus, BMP.sizeAt);
  start.writeUInt32LE(Math.max(0, bytes.readUInt32LE(BMP.pixelsAt) - surplus), BMP.pixelsAt);
  start.writeUInt32LE(BMP.infoBytes, BMP.header);
  return Buffer.concat([start, bytes.subarray(end)]);
}

/** A Targa of grey and alpha, two bytes a pixel, becomes one of blue, green, red and alpha, unpacked. */
function withColourAndAlpha(bytes: Buffer): Buffer {
  const type = bytes[TGA.typeAt] ?? 0;
  const isPacked = type === TGA.grey + TGA.runLength;
  if (bytes.length < TGA.header || bytes[TGA.depthAt] !== 16 || (type !== TGA.grey && !isPacked))
    return bytes;
  const head = Buffer.from(bytes.subarray(0, TGA.header));
  head[0] = 0;
  head[TGA.typeAt] = TGA.colours;
  head[TGA.depthAt] = 32;
  const pixels = bytes.readUInt16LE(12) * bytes.readUInt16LE(14);
  const data = bytes.subarray(TGA.header + (bytes[0] ?? 0));
  const pairs = isPacked ? unpackPairs(data, pixels) : data.subarray(0, pixels * 2);
  const colours = Buffer.alloc(pairs.length * 2);
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const grey = pairs[at] ?? 0;
    colours.set([grey, grey, grey, pairs[at + 1] ?? 0], at * 2);
  }
  return Buffer.concat([head, colours]);
}

/** Truevision TGA 2.0, "run-length encoding": a byte with the top bit repeats one pixel, one without it copies some. */
function unpackPairs(data: Buffer, pixels: number): Buffer {
  const pairs = Buffer.alloc(pixels * 2);
  let [from, to] = [0, 0];
  while (to < pairs.length && from < data.length) {
    const packet = data[from++] ?? 0;
    const bytes = ((packet & 0x7f) + 1) * 2;
    const repeats = (packet & 0x80) !== 0;
    const run = data.subarray(from, from + (repeats ? 2 : bytes));
    pairs.fill(run, to, Math.min(pairs.length, to + bytes));
    from += run.length;
    to += bytes;
  }
  return pairs.subarray(0, Math.min(to, pairs.length));
}
