import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Most waiting requests of one connection; above that nothing more is read from it. */
const MAX_WAITING = 32;

interface Line {
  waiting: [IncomingMessage, ServerResponse<IncomingMessage> & { req: IncomingMessage }][];
  isBusy: boolean;
  isPaused: boolean;
}

/**
 * Serves the requests of a connection one after the other, as HTTP/1.1 answers them anyway. Node would begin
 * all that were sent ahead (pipelining) at once: one client would fill the process, and after it has gone, too.
 */
export function serveOneAtATime(server: Server): void {
  const listeners = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  const lines = new WeakMap<Socket, Line>();

  function serveNext(socket: Socket, line: Line): void {
    const next = line.waiting.shift();
    line.isBusy = next !== undefined;
    if (!next || socket.destroyed) return;
    if (line.isPaused && line.waiting.length < MAX_WAITING / 2) {
      line.isPaused = false;
      socket.resume();
    }
    const [request, response] = next;
    // Yields to the event loop first, so that other sockets get their turn.
    response.once('close', () => setImmediate(serveNext, socket, line));
    for (const listener of listeners) listener.call(server, request, response);
  }

  server.on('request', (request, response) => {
    const { socket } = request;
    const line = lines.get(socket) ?? { waiting: [], isBusy: false, isPaused: false };
    lines.set(socket, line);
    line.waiting.push([request, response]);
    if (!line.isBusy) serveNext(socket, line);
    else if (line.waiting.length >= MAX_WAITING) {
      line.isPaused = true;
      socket.pause();
    }
  });
}
