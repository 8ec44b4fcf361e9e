import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Opens one address for a server that has another port after each start. While there is no server, it refuses
 * connections as a machine does on which nobody listens.
 */
export async function openForwarder() {
  const pairs = new Set<Socket>();
  let target = 0;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      pairs.add(one);
      one.pipe(other);
      // Passes the end of one side's connection on to the other.
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => {
        pairs.delete(one);
        other.destroy();
      });
    }
  });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  async function listen(on: number): Promise<void> {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
  }

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of pairs) socket.destroy();
    await closed;
  }

  return {
    port,
    close,

    async leadTo(next: number): Promise<void> {
      target = next;
      if (!server.listening) await listen(port);
    },
  };
}
