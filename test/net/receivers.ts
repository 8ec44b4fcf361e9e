import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { createHttpSender, type HttpSender, type PostRequest } from '../../src/net/fetch.ts';
import type { GetRequest } from '../../src/net/follow.ts';
import { createGuard, type GuardOptions } from '../../src/net/guard.ts';

const cleanups: (() => Promise<void>)[] = [];

/** Ends what the last test opened; each test file runs it after each test. */
export async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

/** Starts a server on a free port of this machine, or of one of its other names. */
export async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A receiver that speaks HTTP. */
export const serve = (listener: RequestListener, host?: string) => listen(createServer(listener), host);
/** A receiver below HTTP: `talk` starts when the request begins to arrive. */
export const serveRaw = (talk: (socket: Socket) => void) =>
  listen(createSocketServer((socket) => socket.once('data', () => talk(socket))));

/** The sender under test; it may reach this machine unless a test says otherwise. */
export function senderWith(options: Partial<GuardOptions> = {}): HttpSender {
  const allowedNetworks = ['127.0.0.0/8'];
  const guard = createGuard({ allowedNetworks, refusedPorts: () => [], ...options });
  const sender = createHttpSender({ guard, version: '1.2.3' });
  cleanups.push(async () => sender.close());
  return sender;
}

/** Sends one small request to a port of this machine. */
export const post = (port: number, more: Partial<PostRequest> = {}, sender = senderWith()) =>
  sender.post({ url: `http://127.0.0.1:${port}/hook`, headers: {}, body: '{}', ...more });

/** Writes for ever, a little at a time, until the other side is gone. */
export function drip(to: Writable, text: string): void {
  const timer = setInterval(() => to.write(text), 10);
  to.once('close', () => clearInterval(timer));
}

/** A sender for which every name has these addresses. */
export const withResolver = (addresses: () => string[]) =>
  senderWith({
    resolver: (_hostname, _options, callback) =>
      callback(
        null,
        addresses().map((address) => ({ address, family: 4 })),
      ),
  });

export const MEGABYTE = 2 ** 20;
export const at = (port: number, path = '/') => `http://127.0.0.1:${port}${path}`;

/** Fetches and reads all of it. */
export async function get(url: string, more: Partial<GetRequest> = {}, sender = senderWith()) {
  return sender.get({ url, timeoutMs: 5000, maxBytes: MEGABYTE, ...more }, async (answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    const { status, headers, url: found } = answer;
    return { status, headers, url: found.href, body: Buffer.concat(chunks).toString() };
  });
}
