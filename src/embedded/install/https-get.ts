import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';

const MOST_REDIRECTS = 5;
/**
 * Agents that respect HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as pip and Maven do. For engines only: what callers
 * make Kiln fetch goes through src/net, without a proxy.
 */
const agents = () => ({
  http: new HttpAgent({ proxyEnv: process.env }),
  https: new HttpsAgent({ proxyEnv: process.env }),
});

/** Gets a URL, following up to five redirects, and returns the response with its body unread. */
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

/**
 * Returns the proxy that the environment names for this URL, without credentials, else undefined. Ignores
 * NO_PROXY.
 */
export function proxyFor(url: string): string | undefined {
  const name = url.startsWith('https:') ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = process.env[name.toLowerCase()] ?? process.env[name];
  return proxy && URL.canParse(proxy) ? new URL(proxy).host : undefined;
}
