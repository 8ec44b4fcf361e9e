import { readFile } from 'node:fs/promises';
import sharp from 'sharp';

/** An input of the demo. */
export interface Sample {
  filename: string;
  mime: string;
  bytes: Uint8Array<ArrayBuffer>;
}

const folder = new URL('../samples/', import.meta.url);

/** Loads the inputs: two drawn now, so that no result can be an old one, and two files. */
export async function loadSamples() {
  const scene = await readFile(new URL('scene.svg', folder));
  const [png, jpeg, heic, svg] = await Promise.all([
    sharp(scene).png().toBuffer(),
    sharp(scene).resize(1200, 750).jpeg({ quality: 90 }).toBuffer(),
    readFile(new URL('photo.heic', folder)),
    readFile(new URL('mark.svg', folder)),
  ]);
  return {
    png: sampleOf('scene.png', 'image/png', png),
    jpeg: sampleOf('hero.jpg', 'image/jpeg', jpeg),
    heic: sampleOf('photo.heic', 'image/heic', heic),
    svg: sampleOf('mark.svg', 'image/svg+xml', svg),
  };
}

function sampleOf(filename: string, mime: string, bytes: Uint8Array): Sample {
  return { filename, mime, bytes: Uint8Array.from(bytes) };
}
