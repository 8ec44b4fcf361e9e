import sharp from 'sharp';

/** Side of the picture in pixels. */
export const SIDE = 64;

/** Makes a PNG in which every pixel differs from its neighbours; the same bytes in every run. */
export async function smallPng(): Promise<Uint8Array<ArrayBuffer>> {
  const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const png = await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toBuffer();
  return Uint8Array.from(png);
}

/** Does the same conversion without a service. */
export async function convertBare(png: Uint8Array): Promise<Buffer> {
  return sharp(png).webp().toBuffer();
}
