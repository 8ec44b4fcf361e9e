import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';
import { ProviderUnavailable } from '../fallback-chain.ts';

/**
 * Reads one file out of a .tar.gz, in whatever folder it lies. @throws ProviderUnavailable if there is none.
 */
export async function* readFromTarball(path: string, file: string): AsyncGenerator<Uint8Array> {
  const archive = extract();
  // Ignores errors here: an error of the source destroys the archive, and the loop below throws it.
  pipeline(createReadStream(path), createGunzip(), archive).catch(() => {});
  let found = false;
  for await (const entry of archive) {
    if (!found && entry.header.type === 'file' && baseName(entry.header.name) === file) {
      found = true;
      yield* entry as AsyncIterable<Uint8Array>;
    } else {
      entry.resume();
    }
  }
  if (!found) throw new ProviderUnavailable(`the archive holds no ${file}`);
}

/** Reads one file out of a .zip, in whatever folder it lies. @throws ProviderUnavailable if there is none. */
export async function* readFromZip(path: string, file: string): AsyncGenerator<Uint8Array> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (baseName(entry.fileName) !== file) continue;
      yield* await zip.openReadStreamPromise(entry);
      return;
    }
    throw new ProviderUnavailable(`the archive holds no ${file}`);
  } finally {
    zip.close();
  }
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
