import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** A file that is to stand in an archive. */
interface ZipEntry {
  /** Relative, and safe to unpack. */
  name: string;
  /** Bytes. */
  size: number;
  modifiedAt: Date;
  /** Opens the file; called only once the files before it are packed. */
  open(): Promise<Readable>;
}

/** Returns a ZIP of the files as a stream. Stores them uncompressed: results are compressed already. */
export function zip(entries: readonly ZipEntry[]): Readable {
  const file = new ZipFile();
  const output = file.outputStream as Readable;
  file.on('error', (error) => output.destroy(error as Error));
  // The reader gets the error too; without a reader it must not end the process.
  output.on('error', () => {});
  for (const { name, size, modifiedAt, open } of entries) {
    file.addReadStreamLazy(name, { size, mtime: modifiedAt, compress: false }, (done) => {
      open().then(
        (stream) => done(null, stream),
        (error: unknown) => done(error, undefined as never),
      );
    });
  }
  file.end();
  return output;
}
