import { readFile } from 'node:fs/promises';

/** The marker that ends a JPEG file (ITU-T T.81, B.1.1.3). */
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

/** Whether libvips refused a JPEG file because it ends too early. */
export function endsTooEarly(error: unknown): boolean {
  return error instanceof Error && /premature end of JPEG image/i.test(error.message);
}

/**
 * Returns a JPEG file with the end marker that it lacks. Decoded with `failOn: 'warning'`, it shows whether only the
 * marker was missing or a part of the picture as well.
 */
export async function withEndMarker(path: string): Promise<Buffer> {
  return Buffer.concat([await readFile(path), END_OF_IMAGE]);
}
