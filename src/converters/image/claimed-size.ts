import { KilnError } from '../../domain/errors.ts';
import { requireFormat } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import { checkMediaInfo, type EngineLimits } from '../process/engine-limits.ts';
import type { Size } from './size.ts';

/** The size in pixels that a header claims. */
interface Claim extends Size {
  /** The fewest bytes that a complete file of this size has. */
  leastBytes?: number;
}

/** Returns null for bytes of another format: the engine then reports them. */
type Reader = (bytes: DataView) => Claim | null;

/** Bytes that Deflate makes of one at most. */
const MOST_DEFLATED = 1032;
const LITTLE = true;

/**
 * Readers of headers with the size at a fixed place. ImageMagick reads those of all other formats fast enough.
 */
const READERS: Readonly<Record<FormatId, Reader>> = {
  psd: photoshop,
  psb: photoshop,
  sgi: siliconGraphics,
  tga: targa,
  bmp: windowsBitmap,
  xcf: bigEndian(14, 18),
  qoi: bigEndian(4, 8),
  ras: bigEndian(4, 8),
  ff: bigEndian(8, 12),
  jng: bigEndian(16, 20),
  cin: bigEndian(200, 204),
  dds: (at) => ({ height: at.getUint32(12, LITTLE), width: at.getUint32(16, LITTLE) }),
  dpx: (at) => {
    const isLittle = at.getUint32(0) === 0x58504453;
    return { width: at.getUint32(772, isLittle), height: at.getUint32(776, isLittle) };
  },
  pcx: (at) => ({
    width: at.getUint16(8, LITTLE) - at.getUint16(4, LITTLE) + 1,
    height: at.getUint16(10, LITTLE) - at.getUint16(6, LITTLE) + 1,
  }),
};

/**
 * Checks the size that a file's header claims before an engine sees the file: engines take memory and time for
 * the claimed size, whatever follows it.
 * @throws KilnError TOO_MANY_PIXELS if it exceeds the limits, CORRUPT_INPUT if the file is too short for it
 */
export function checkClaimedSize(bytes: Uint8Array, source: FormatId, limits: EngineLimits): void {
  const claim = claimOf(bytes, source);
  if (!claim) return;
  checkMediaInfo(claim, limits);
  if (claim.leastBytes !== undefined && bytes.length < claim.leastBytes)
    throw new KilnError(
      'CORRUPT_INPUT',
      `The ${requireFormat(source).name} file is incomplete: it ends before the picture does.`,
    );
}

function claimOf(bytes: Uint8Array, source: FormatId): Claim | null {
  const read = READERS[source];
  if (!read) return null;
  try {
    return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    // The file is shorter than its header, which the engine reports.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function bigEndian(width: number, height: number): Reader {
  return (at) => ({ width: at.getUint32(width), height: at.getUint32(height) });
}

/**
 * Reads the header of Adobe's Photoshop formats: then come three sections of a stated length, and the
 * flattened picture.
 */
function photoshop(at: DataView): Claim {
  const isLarge = at.getUint16(4) === 2;
  const [channels, height, width, depth] = [
    at.getUint16(12),
    at.getUint32(14),
    at.getUint32(18),
    at.getUint16(22),
  ];
  const rows = height * channels;
  const flatBytes = (rows * width * depth) / 8;
  const claim = { width, height, leastBytes: flatBytes / MOST_DEFLATED };
  const colours = 26 + 4 + at.getUint32(26);
  const resources = colours + 4 + at.getUint32(colours);
  const layers = isLarge ? 8 + Number(at.getBigUint64(resources)) : 4 + at.getUint32(resources);
  const picture = resources + layers;
  const compression = picture + 2 <= at.byteLength ? at.getUint16(picture) : 0;
  if (compression === 0) return { ...claim, leastBytes: picture + 2 + flatBytes };
  if (compression !== 1) return claim;
  const countBytes = isLarge ? 4 : 2;
  let end = picture + 2 + rows * countBytes;
  if (end > at.byteLength) return { ...claim, leastBytes: end };
  for (let place = picture + 2, left = rows; left > 0; left -= 1, place += countBytes)
    end += isLarge ? at.getUint32(place) : at.getUint16(place);
  return { ...claim, leastBytes: end };
}

/**
 * Reads a Targa header. The format has no signature: the kind of colour map is 0 or 1, that of picture 1 to 3
 * or 9 to 11.
 */
function targa(at: DataView): Claim | null {
  if (at.getUint8(1) > 1 || ![1, 2, 3, 9, 10, 11].includes(at.getUint8(2))) return null;
  return { width: at.getUint16(12, LITTLE), height: at.getUint16(14, LITTLE) };
}

/**
 * Reads a BMP header. A negative height means rows from top to bottom; the oldest header has 16 bits for a
 * side.
 */
function windowsBitmap(at: DataView): Claim | null {
  if (at.getUint16(0) !== 0x424d) return null;
  if (at.getUint32(14, LITTLE) === 12)
    return { width: at.getUint16(18, LITTLE), height: at.getUint16(20, LITTLE) };
  return { width: Math.abs(at.getInt32(18, LITTLE)), height: Math.abs(at.getInt32(22, LITTLE)) };
}

/** Reads a header of SGI Image File Format 1.00: rows follow as they are, or each at an offset of a table. */
function siliconGraphics(at: DataView): Claim {
  const [isRunLength, sampleBytes, dimensions] = [at.getUint8(2) === 1, at.getUint8(3), at.getUint16(4)];
  const width = at.getUint16(6);
  const height = dimensions < 2 ? 1 : at.getUint16(8);
  const rows = height * (dimensions < 3 ? 1 : at.getUint16(10));
  const headBytes = 512;
  if (!isRunLength) return { width, height, leastBytes: headBytes + width * rows * sampleBytes };
  const tableBytes = rows * 4;
  let end = headBytes + 2 * tableBytes;
  // If the table itself is cut off, its length is enough to tell.
  if (end <= at.byteLength)
    for (let row = 0; row < rows; row += 1) {
      const place = headBytes + row * 4;
      end = Math.max(end, at.getUint32(place) + at.getUint32(place + tableBytes));
    }
  return { width, height, leastBytes: end };
}
