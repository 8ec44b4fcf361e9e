import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';

const MOST_REDIRECTS = 5;
/**
 * Engines are fetched as pip and Maven fetch theirs: through HTTP_PROXY and HTTPS_PROXY, except for NO_PROXY.
 * What callers make Kiln fetch takes another way, which knows no proxy.
 */
const agents = () => ({
  http: new HttpAgent({ proxyEnv: process.env }),
  https: new HttpsAgent({ proxyEnv: process.env }),
});

/** Asks for a URL, follows redirects, and gives the answer with its body still to be read. */
export async function getThroughProxy(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { http, https } = agents();
  let target = new URL(url);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request =
        target.protocol === 'https:'
          ? httpsGet(target, { agent: https, signal }, resolve)
          : httpGet(target, { agent: http, signal }, resolve);
      request.on('error', reject);
    });
    const { statusCode = 0, headers } = answer;
    if (statusCode < 300 || statusCode >= 400 || !headers.location) return answer;
    answer.resume();
    target = new URL(headers.location, target);
  }
  throw new Error('There are too many redirects.');
}

/** The proxy that the environment names for this URL, without its credentials; NO_PROXY is not looked at. */
export function proxyFor(url: string): string | undefined {
  const name = url.startsWith('https:') ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = process.env[name.toLowerCase()] ?? process.env[name];
  return proxy && URL.canParse(proxy) ? new URL(proxy).host : undefined;
}
