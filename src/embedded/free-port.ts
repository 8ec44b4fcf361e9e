import { once } from 'node:events';
import { createServer } from 'node:net';
import { EngineEnded } from './engine-process.ts';

const ATTEMPTS = 3;

/**
 * Starts an engine on free ports. Somebody may take one between our look and the start, hence an
 * engine that ends at once is tried on others.
 */
export async function startOnFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await findFreePorts(count));
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof EngineEnded)) throw error;
    }
  }
}

/** Ports of 127.0.0.1 that nobody listens on right now, all different. */
async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(async (server) => {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const address = server.address();
        return address !== null && typeof address === 'object' ? address.port : 0;
      }),
    );
  } finally {
    for (const server of servers) server.close();
  }
}
