import { connect } from 'node:http2';

const DEADLINE_MS = 1000;
const SERVING = 1;

/**
 * Whether a gRPC server serves one of its services, by the standard health protocol. Returns false for any
 * error and after a second. The two messages are a few bytes each, so no gRPC library is loaded for them.
 */
export function isServing(port: number, service: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const session = connect(`http://127.0.0.1:${port}`);
  const deadline = setTimeout(() => resolve(false), DEADLINE_MS);
  session.on('error', () => resolve(false));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => resolve(false));
  stream.on('end', () => resolve(statusOf(Buffer.concat(chunks)) === SERVING));
  stream.end(frame(service));
  return promise.finally(() => {
    clearTimeout(deadline);
    session.destroy();
  });
}

/** Encodes a HealthCheckRequest (field 1 is the service's name) behind a gRPC frame's flag and length. */
function frame(service: string): Buffer {
  const name = Buffer.from(service);
  const message = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Decodes a HealthCheckResponse: field 1 is the status. Returns undefined if there is none. */
function statusOf(answer: Buffer): number | undefined {
  return answer[5] === 0x08 ? answer[6] : undefined;
}
