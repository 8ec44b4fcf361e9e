import type { Server as GraphqlWsServer } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Log } from '../src/log.ts';

/** Who has not answered a ping when the next one is due is gone. */
const PING_MS = 15_000;
/** Answers that wait in our memory; a client with more of them sends without ever reading. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Speaks graphql-ws on one socket. The package's own binding would print what hostile clients do
 * on the console; here it is a line of the log.
 */
export function serveSocket<E extends object>(
  service: GraphqlWsServer<E>,
  socket: WebSocket,
  extra: E,
  log: Log,
): void {
  const gone = (error: unknown) => {
    log.debug({ err: error }, 'a GraphQL socket broke');
    socket.terminate();
  };
  const closed = service.opened(
    {
      protocol: socket.protocol,
      send: (text) => sendWhenRead(socket, text),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) => {
        socket.on('message', (data) => {
          // Results wait for the client, but pongs and refusals do not: only these can pile up.
          if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.terminate();
          else handle(String(data)).catch(gone);
        });
      },
    },
    extra,
  );
  const stopPinging = keepAlive(socket);
  // ws has closed the socket with the fitting code by itself: 1009 for a frame that is too large.
  socket.on('error', (error) => log.debug({ err: error }, 'a GraphQL socket sent something broken'));
  socket.once('close', (code, reason) => {
    stopPinging();
    closed(code, String(reason)).catch(gone);
  });
}

/** Resolves when the text has left our memory, which is what slows a subscription down to its reader. */
function sendWhenRead(socket: WebSocket, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (socket.readyState !== socket.OPEN) resolve();
  else socket.send(text, (error) => (error ? reject(error) : resolve()));
  return promise;
}

function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  return () => clearInterval(timer);
}
