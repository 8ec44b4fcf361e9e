import { readFile, writeFile } from 'node:fs/promises';

const MM_PER_INCH = 25.4;
/** What a JPEG file means that says nothing; libvips reports it, too, where nothing is said. */
const JPEG_DEFAULT = 72;
/** The most that a JFIF header's 16 bits hold. */
const MOST_JFIF = 65_535;
const START_OF_IMAGE_BYTES = 2;

/** Converts dots per inch to the dots per millimetre that libvips' TIFF encoder takes. */
export function perMillimetre(dotsPerInch: number): number {
  return dotsPerInch / MM_PER_INCH;
}

/**
 * Puts a JFIF header with the density in dots per inch into a JPEG file that has none. libvips writes a density
 * only inside an EXIF block, which a picture without metadata must not have.
 */
export async function writeJpegDensity(path: string, density: number): Promise<void> {
  if (Math.round(density) === JPEG_DEFAULT) return;
  const bytes = await readFile(path);
  const [start, rest] = [bytes.subarray(0, START_OF_IMAGE_BYTES), bytes.subarray(START_OF_IMAGE_BYTES)];
  await writeFile(path, Buffer.concat([start, jfifHeader(density), rest]));
}

/** ITU-T T.871, 10.1: version 1.02, a density in dots per inch, no thumbnail. */
function jfifHeader(density: number): Buffer {
  const header = Buffer.from('ffe000104a46494600010201000000000000', 'hex');
  const rounded = Math.min(MOST_JFIF, Math.max(1, Math.round(density)));
  header.writeUInt16BE(rounded, 12);
  header.writeUInt16BE(rounded, 14);
  return header;
}
