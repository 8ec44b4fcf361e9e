import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { systemCode } from '../../system-code.ts';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { getThroughProxy, proxyFor } from './https-get.ts';

/** A download without a byte for this long has failed. */
const STALL_MS = 15_000;
const REPORT_EVERY_PERCENT = 20;

/** TLS error codes for a certificate that this machine does not trust. */
const UNTRUSTED =
  /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_UNTRUSTED)$/;

/** The site answers, but has no such file. */
export class NotOffered extends ProviderUnavailable {}

interface DownloadRequest {
  url: string;
  path: string;
  /** Begins each line of progress. */
  label: string;
  onProgress: (line: string) => void;
}

/**
 * Downloads a file to `path` and reports its progress.
 * @throws NotOffered if there is no such file, ProviderUnavailable if it cannot be fetched.
 */
export async function downloadFile({ url, path, label, onProgress }: DownloadRequest): Promise<void> {
  const abort = new AbortController();
  const stall = setTimeout(() => abort.abort(), STALL_MS);
  try {
    const response = await getThroughProxy(url, abort.signal);
    const { statusCode = 0 } = response;
    if (statusCode !== 200) {
      response.destroy();
      const ErrorClass = statusCode === 403 || statusCode === 404 ? NotOffered : ProviderUnavailable;
      throw new ErrorClass(`the download site answered ${statusCode}`);
    }
    const report = createReporter(label, Number(response.headers['content-length']), onProgress);
    const watched = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        stall.refresh();
        report(chunk.byteLength);
        yield chunk;
      }
    };
    await pipeline(response, watched, createWriteStream(path));
  } catch (cause) {
    if (cause instanceof ProviderUnavailable) throw cause;
    throw new ProviderUnavailable(reasonOf(cause, url), { cause });
  } finally {
    clearTimeout(stall);
    abort.abort();
  }
}

function reasonOf(cause: unknown, url: string): string {
  const code = systemCode(cause) ?? '';
  if (UNTRUSTED.test(code)) {
    return (
      "the download site's certificate is not trusted here; where a proxy signs its own, put the " +
      "proxy's authority into a file and name that in NODE_EXTRA_CA_CERTS"
    );
  }
  const proxy = proxyFor(url);
  return proxy
    ? `the download site cannot be reached through the proxy ${proxy}`
    : 'the download site cannot be reached';
}

/**
 * Returns a function that counts bytes and reports each further fifth of `total`; 0 or NaN if that is unknown.
 */
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
