import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Tracks which connections serve a request, so that a server can stop without cutting an answer short and
 * without waiting for silent ones: keep-alive, preconnected and upgraded sockets would never end by themselves.
 */
export function trackConnections(server: Server) {
  const running = new Map<Socket, number>();
  let draining = false;

  server.on('connection', (socket) => {
    running.set(socket, 0);
    socket.once('close', () => running.delete(socket));
  });
  server.prependListener('request', ({ socket }, response) => {
    running.set(socket, (running.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const rest = (running.get(socket) ?? 1) - 1;
      if (running.has(socket)) running.set(socket, rest);
      if (draining && rest === 0) socket.destroySoon();
    });
  });

  return {
    /** Accepts nothing new, lets running requests finish for up to `graceMs`, then cuts what is left. */
    async drain(graceMs: number): Promise<void> {
      draining = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const [socket, requests] of running) if (requests === 0) socket.destroySoon();
      const timer = setTimeout(() => {
        for (const socket of running.keys()) socket.destroy();
      }, graceMs);
      await promise;
      clearTimeout(timer);
    },
  };
}
