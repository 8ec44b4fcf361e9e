import { once } from 'node:events';
import { createServer } from 'node:net';
import { ServerEnded } from './server-process.ts';

const ATTEMPTS = 3;

/**
 * Starts a server on `count` free ports, first on the `wanted` ones if those are free. Tries up to three times
 * when the server ends at once, since another process may take a port between our check and the start.
 */
export async function startOnFreePorts<T>(
  count: number,
  start: (ports: number[]) => Promise<T>,
  wanted?: readonly number[],
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const first = attempt === 1 && wanted ? await listenOnEach(wanted).catch(() => undefined) : undefined;
      return await start(first ?? (await listenOnEach(Array.from({ length: count }, () => 0))));
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof ServerEnded)) throw error;
    }
  }
}

/** Returns free ports of 127.0.0.1, all different; 0 asks for any. Throws if a given one is taken. */
async function listenOnEach(ports: readonly number[]): Promise<number[]> {
  const servers = ports.map((port) => ({ server: createServer(), port }));
  try {
    return await Promise.all(
      servers.map(async ({ server, port }) => {
        server.listen(port, '127.0.0.1');
        await once(server, 'listening');
        const address = server.address();
        return address !== null && typeof address === 'object' ? address.port : 0;
      }),
    );
  } finally {
    for (const { server } of servers) server.close();
  }
}
