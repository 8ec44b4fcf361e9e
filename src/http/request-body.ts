import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { KilnError } from '../domain/errors.ts';

const CHUNK_BYTES = 64 * 1024;

/**
 * Returns the body as a stream of its own. Destroying it stops the reading but leaves the connection open, so
 * that an answer can still be sent. A client that disconnects ends it with an error.
 */
export function bodyOf(incoming: IncomingMessage): Readable {
  const body = new PassThrough({ highWaterMark: CHUNK_BYTES });
  // The client may disconnect before anybody reads, and an error without a listener would end the process.
  body.on('error', () => {});
  body.once('close', () => incoming.unpipe(body));
  const cut = () => {
    if (!incoming.readableEnded)
      body.destroy(new KilnError('CANCELLED', 'The connection ended before the whole body had arrived.'));
  };
  incoming.on('error', cut);
  incoming.once('close', cut);
  return incoming.pipe(body);
}
