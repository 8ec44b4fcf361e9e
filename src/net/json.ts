import { KilnError } from '../domain/errors.ts';
import type { HttpSender } from './fetch.ts';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 256 * 1024;

/** Builds `fetchJson` for small JSON documents, such as the keys of a login server. */
export function createJsonFetcher({ get }: Pick<HttpSender, 'get'>): (url: string) => Promise<unknown> {
  /** Returns the parsed document. @throws KilnError UNAVAILABLE for any reason; its cause is for the log. */
  return async function fetchJson(url) {
    const headers = { accept: 'application/json' };
    const request = { url, headers, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
    const result = await get(request, async ({ status, body }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return { status, text: Buffer.concat(chunks).toString('utf8') };
    });
    if ('reason' in result) throw unusable(`no answer: ${result.reason}`);
    if (result.received.status !== 200) throw unusable(`status ${result.received.status}`);
    try {
      return JSON.parse(result.received.text);
    } catch {
      throw unusable('not JSON');
    }
  };
}

function unusable(detail: string): KilnError {
  return new KilnError('UNAVAILABLE', 'A server that Kiln depends on does not answer.', {
    cause: new Error(detail),
    hint: 'Try again in a few seconds.',
  });
}
