import sharp from 'sharp';

/** The loaders that our formats need; PngBuffer is only for pictures that we made ourselves. */
const LOADERS = [
  'JpegFile',
  // A file that was mended is read from memory.
  'JpegBuffer',
  'PngFile',
  'PngBuffer',
  'WebpFile',
  'NsgifFile',
  'TiffFile',
  'HeifFile',
  'SvgBuffer',
];

// One thread for each picture: engine processes use the cores (2 threads cost 3-8 % more per picture).
sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) });

/** sharp with only the loaders above. */
export { sharp };

/** Name and versions as shown to users. */
export const SHARP_VERSION = `sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips})`;
