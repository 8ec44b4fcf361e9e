import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { DETECT_BYTES, detectFormat } from '../../domain/formats/detect.ts';
import { CommandError } from '../terminal/command-error.ts';
import { formatBytes } from '../terminal/terminal.ts';

/** The result that a conversion of the demo must have. */
export interface ExpectedPicture {
  format: string;
  width: number;
  height: number;
}

/** Keeps a result once it is checked: its format by its bytes, its size, and every pixel decoded. */
export async function keepResult(
  folder: string,
  filename: string,
  bytes: Uint8Array,
  expected: ExpectedPicture,
): Promise<string> {
  const format = detectFormat(bytes.subarray(0, DETECT_BYTES));
  if (format !== expected.format) {
    throw new CommandError(
      `${filename} should be ${expected.format}, but its bytes are ${format ?? 'unknown'}.`,
    );
  }
  const { info } = await sharp(bytes, { failOn: 'error' }).raw().toBuffer({ resolveWithObject: true });
  if (info.width !== expected.width || info.height !== expected.height) {
    throw new CommandError(
      `${filename} should have ${expected.width} × ${expected.height} pixels, but has ${info.width} × ${info.height}.`,
    );
  }
  await writeFile(join(folder, filename), bytes);
  return `${filename}, ${info.width} × ${info.height}, ${formatBytes(bytes.length)}`;
}
