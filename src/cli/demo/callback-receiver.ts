import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A received callback. */
export interface ReceivedCallback {
  event: string;
  /** Whether the signature is valid for exactly these bytes. */
  isSigned: boolean;
  body: { event: string; job: { jobId: string; status: string } };
}

/** Starts a receiver of callbacks, as a customer would have one; it checks every signature. */
export async function createCallbackReceiver(secret: string) {
  const received = Promise.withResolvers<ReceivedCallback>();
  const server = createServer(async (request, response) => {
    const bytes = await buffer(request);
    const isSigned = isSignatureOf(bytes, secret, request.headers['x-swapmyfile-signature']);
    response.writeHead(isSigned ? 204 : 401).end();
    const event = String(request.headers['x-swapmyfile-event']);
    received.resolve({ event, isSigned, body: JSON.parse(bytes.toString('utf8')) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks/swapmyfile`,
    received: received.promise,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function isSignatureOf(bytes: Uint8Array, secret: string, header: string | string[] | undefined): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`);
  const given = Buffer.from(String(header));
  return given.length === expected.length && timingSafeEqual(given, expected);
}
