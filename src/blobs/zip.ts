import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** A file that is to stand in an archive. */
interface ZipEntry {
  /** Relative, and safe to unpack. */
  name: string;
  /** Bytes. */
  size: number;
  modifiedAt: Date;
  /** Called when its turn has come. */
  open(): Promise<Readable>;
}

/** Packs files one after another into a stream. They are stored as they are: results are compressed already. */
export function zip(entries: readonly ZipEntry[]): Readable {
  const file = new ZipFile();
  const output = file.outputStream as Readable;
  file.on('error', (error) => output.destroy(error as Error));
  // Whoever reads it hears of the error too; where nobody reads any more it must not end the process.
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
