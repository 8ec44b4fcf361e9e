import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';

export interface Temporal {
  client: Client;
  connection: NativeConnection;
  namespace: string;
  close(): Promise<void>;
}

/** One native connection for client and workers alike: eager start needs them to share it. */
export async function connectTemporal(
  { namespace, apiKey }: Pick<Config['temporal'], 'namespace' | 'apiKey'>,
  address: string,
  log: Log,
): Promise<Temporal> {
  installLogger(log);
  const connection = await NativeConnection.connect({
    address,
    ...(apiKey && { apiKey }),
    grpcCompression: { codec: 'none' },
  });
  const client = new Client({ connection, namespace });
  return { client, connection, namespace, close: () => connection.close() };
}

let installed = false;

/** Configures Temporal's Runtime, once: a process has one, and it must be configured before its first use. */
function installLogger(log: Log): void {
  if (installed) return;
  installed = true;
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    // Drops a warning of every start: some of our workers serve activities only.
    if (message.startsWith('No workflows registered')) return;
    const write = level === 'ERROR' ? log.error : log.warn;
    write.call(log, { source: 'temporal', ...meta }, message);
  });
  // Leaves signals to our own processes, which drain before they stop.
  Runtime.install({ logger, shutdownSignals: [] });
}
