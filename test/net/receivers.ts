import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { createHttpSender, type HttpSender, type PostRequest } from '../../src/net/fetch.ts';
import { createGuard, type GuardOptions } from '../../src/net/guard.ts';

const cleanups: (() => Promise<void>)[] = [];

/** Ends what the last test opened; each test file runs it after each test. */
export async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

/** Starts a server on a free port. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A receiver that speaks HTTP. */
export const serve = (listener: RequestListener) => listen(createServer(listener));
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
export function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 10);
  socket.once('close', () => clearInterval(timer));
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
