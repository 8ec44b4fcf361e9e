import sharp from 'sharp';

/** The loaders that our formats need; PngBuffer is only for what we made ourselves. */
const LOADERS = [
  'JpegFile',
  'PngFile',
  'PngBuffer',
  'WebpFile',
  'NsgifFile',
  'TiffFile',
  'HeifFile',
  'SvgBuffer',
];

// One thread for each picture: hosts, not threads, use the cores (2 threads cost 3-8 % more per picture).
sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) });

/** sharp, with every loader closed that no format of ours needs. */
export { sharp };

/** As shown to users. */
export const SHARP_VERSION = `sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips})`;
