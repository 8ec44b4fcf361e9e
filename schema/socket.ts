import type { Server as GraphqlWsServer } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Log } from '../src/log.ts';
import { acquireSlice } from './protection/time-slices.ts';

/** How often a socket is pinged; one that has not answered by the next ping is closed. */
const PING_MS = 15_000;
/** How many messages of a socket may wait before nothing more is read from it. */
const MAX_WAITING = 50;
/** How many bytes of answers may wait in memory; a client with more of them never reads and is cut off. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Speaks graphql-ws on one socket. The package's own binding would print what hostile clients do
 * on the console; here it is a line of the log.
 */
export function serveSocket<E extends object>(
  service: GraphqlWsServer<E>,
  socket: WebSocket,
  extra: E,
  { who, log }: { who: string; log: Log },
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
        const enqueue = inOrder(socket, who, (text) => handle(text).catch(gone));
        socket.on('message', (data) => {
          // Results wait for the client, but pongs and refusals do not: only these can pile up.
          if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.terminate();
          else enqueue(String(data));
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

/**
 * Handles messages in their order, each in a time slice of its own; whoever sends faster than that is not read for a
 * while, and what a client sent that has gone is dropped.
 */
function inOrder(socket: WebSocket, who: string, handle: (text: string) => void): (text: string) => void {
  const waiting: string[] = [];
  async function work(): Promise<void> {
    while (waiting.length > 0) {
      await acquireSlice(who);
      if (socket.readyState !== socket.OPEN) return;
      const text = waiting.shift();
      if (socket.isPaused && waiting.length < MAX_WAITING / 2) socket.resume();
      if (text !== undefined) handle(text);
    }
  }
  return (text) => {
    waiting.push(text);
    if (waiting.length >= MAX_WAITING) socket.pause();
    if (waiting.length === 1) void work();
  };
}

/** Sends the text and resolves when it has left our memory, so that a subscription is as slow as its reader. */
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
    // Nothing is read from a paused socket, so not the pong either.
    if (!answered && !socket.isPaused) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  return () => clearInterval(timer);
}
