import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { RungUnavailable } from './ladder.ts';

/** No byte for so long means that nobody is there. */
const STALL_MS = 15_000;
const REPORT_EVERY_PERCENT = 20;

export interface DownloadRequest {
  url: string;
  path: string;
  /** Begins each line of progress. */
  label: string;
  onProgress: (line: string) => void;
}

/**
 * Downloads a file and says how far it is.
 * @throws RungUnavailable when it cannot be had.
 */
export async function downloadFile({ url, path, label, onProgress }: DownloadRequest): Promise<void> {
  const abort = new AbortController();
  const stall = setTimeout(() => abort.abort(), STALL_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body)
      throw new RungUnavailable(`the download site answered ${response.status}`);
    const report = createReporter(label, Number(response.headers.get('content-length')), onProgress);
    const watched = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        stall.refresh();
        report(chunk.byteLength);
        yield chunk;
      }
    };
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    await pipeline(body, watched, createWriteStream(path));
  } catch (cause) {
    if (cause instanceof RungUnavailable) throw cause;
    throw new RungUnavailable('the download site cannot be reached', { cause });
  } finally {
    clearTimeout(stall);
    abort.abort();
  }
}

/** Counts bytes and says each further fifth of the whole, where its size is known. */
function createReporter(label: string, total: number, onProgress: (line: string) => void) {
  onProgress(total > 0 ? `${label}: downloading ${megabytes(total)}` : `${label}: downloading`);
  let received = 0;
  let nextPercent = REPORT_EVERY_PERCENT;
  return (bytes: number) => {
    received += bytes;
    if (!(total > 0) || (received / total) * 100 < nextPercent) return;
    onProgress(`${label}: ${Math.floor((received / total) * 100)} % of ${megabytes(total)}`);
    nextPercent += REPORT_EVERY_PERCENT;
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
