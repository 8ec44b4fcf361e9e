import { once } from 'node:events';
import { createServer } from 'node:net';
import { ConfigError } from '../config.ts';
import { systemCode } from '../system-code.ts';

/** What an operator can do if the address cannot be used, by the system's error code. */
const REMEDIES: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `Port ${port} of ${host} is taken by another program. End that one, or set KILN_PORT to a free port (0 takes any).`,
  EACCES: (_host, port) =>
    `This user may not listen on port ${port}. Set KILN_PORT to one above 1023 (0 takes any free one).`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine. Set KILN_HOST to one of its own.`,
  ENOTFOUND: (host) => `The name ${host} cannot be resolved. Set KILN_HOST to an address of this machine.`,
};

/** Returns a ConfigError that names the variable to change if the address is the reason, else the error as it is. */
export function explainListening(cause: unknown, host: string, port: number): unknown {
  const code = systemCode(cause) ?? '';
  const remedy = REMEDIES[code];
  return remedy ? new ConfigError(remedy(host, port), { cause }) : cause;
}

/**
 * Listens for a moment, so that a taken port shows before anything expensive is started.
 * @throws ConfigError that names KILN_PORT or KILN_HOST.
 */
export async function checkListening(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw explainListening(error, host, port);
  }
  server.close();
  await once(server, 'close');
}
