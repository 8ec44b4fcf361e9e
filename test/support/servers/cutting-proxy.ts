import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';

/** A command on its way to the server: `insert` into `ledger`, say. */
export interface PassingCommand {
  name: string;
  collection: string;
  document: Document;
}

/** `request`: the server never hears of it. `answer`: the server does it, and nobody is told. */
export type Cut = 'request' | 'answer' | null;

interface CuttingProxy {
  /** The same URI by way of the proxy. */
  uri: string;
  close(): Promise<void>;
}

const HEADER = 16;
const OP_MSG = 2013;
/** After the header come four bytes of flags and one that says which kind of section begins. */
const BODY = HEADER + 5;

/**
 * Stands before a MongoDB on the loopback and ends the connection on which a command comes that `cut` picks.
 * So a test meets the errors that the driver really makes of a lost connection.
 */
export async function createCuttingProxy(
  mongoUri: string,
  cut: (command: PassingCommand) => Cut,
): Promise<CuttingProxy> {
  const { hostname, port } = new URL(mongoUri);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isAnswerLost = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', end));
      socket.on('close', () => {
        end();
        sockets.delete(socket);
      });
    }
    upstream.on('data', (bytes) => (isAnswerLost ? end() : client.write(bytes)));
    client.on(
      'data',
      eachMessage((message) => {
        const command = commandOf(message);
        const point = command && cut(command);
        if (point === 'request') return end();
        if (point === 'answer') isAnswerLost = true;
        upstream.write(message);
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const uri = new URL(mongoUri);
  uri.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    uri: uri.href,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Puts chunks together to whole messages, which begin with their length. */
function eachMessage(take: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

/** Null for the first greeting, which has another form. */
function commandOf(message: Buffer): PassingCommand | null {
  if (message.readInt32LE(12) !== OP_MSG) return null;
  const size = message.readInt32LE(BODY);
  const document = BSON.deserialize(message.subarray(BODY, BODY + size));
  const [name = '', collection] = Object.entries(document)[0] ?? [];
  return { name, collection: String(collection), document };
}
