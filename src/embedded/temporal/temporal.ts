import { join } from 'node:path';
import { KilnError } from '../../domain/errors.ts';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { runCommand } from '../process/command.ts';
import { startOnFreePorts } from '../process/free-port.ts';
import {
  type ServerProcess,
  type ServerRegistry,
  startServerProcess,
  untilReady,
} from '../process/server-process.ts';
import { isServing } from './grpc-health.ts';
import { temporalDatabase } from './temporal-data.ts';

const READY_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 30_000;
const FRONTEND = 'temporal.api.workflowservice.v1.WorkflowService';

interface TemporalSettings {
  program: string;
  dataDir: string;
  namespace: string;
  /** Names of keyword search attributes. */
  searchAttributes: readonly string[];
  /** NORMAL survives a killed process, FULL a power cut too. */
  synchronous: 'NORMAL' | 'FULL';
  registry: ServerRegistry;
}

export interface TemporalServer {
  process: ServerProcess;
  address: string;
  ui: string;
  ports: number[];
}

/**
 * Starts Temporal's development server on its persistent file and waits until its frontend answers.
 * @throws KilnError UNAVAILABLE if it does not.
 */
export async function startTemporal(settings: TemporalSettings): Promise<TemporalServer> {
  try {
    return await startOnFreePorts(4, (ports) => startOn(settings, ports));
  } catch (cause) {
    const reason = cause instanceof ProviderUnavailable ? cause.message : 'it failed unexpectedly';
    throw new KilnError('UNAVAILABLE', `Temporal did not start: ${reason}.`, { cause });
  }
}

async function startOn(settings: TemporalSettings, ports: number[]): Promise<TemporalServer> {
  const [port = 0, uiPort = 0, httpPort = 0, metricsPort = 0] = ports;
  const process = await startServerProcess({
    engine: 'Temporal',
    // Killed, SQLite loses nothing, and under load Temporal stops slowly.
    orphanSignal: 'KILL',
    program: settings.program,
    args: serverArguments(settings, { port, uiPort, httpPort, metricsPort }),
    logPath: join(settings.dataDir, 'logs', 'temporal.log'),
    registry: settings.registry,
  });
  await untilReady(process, () => isServing(port, FRONTEND), READY_TIMEOUT_MS);
  return { process, address: `127.0.0.1:${port}`, ui: `http://127.0.0.1:${uiPort}`, ports };
}

/**
 * Adds search attributes to an existing namespace, as a later version of Kiln needs them: the flags of the
 * start count only when the namespace is made.
 */
export async function addSearchAttributes(
  program: string,
  { address, namespace }: { address: string; namespace: string },
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const flags = names.flatMap((name) => ['--name', name, '--type', 'Keyword']);
  const command = ['operator', 'search-attribute', 'create', '--address', address, '--namespace', namespace];
  await runCommand(program, [...command, ...flags], COMMAND_TIMEOUT_MS);
}

interface Ports {
  port: number;
  uiPort: number;
  httpPort: number;
  metricsPort: number;
}

function serverArguments(settings: TemporalSettings, ports: Ports): string[] {
  const flags: [string, string | number][] = [
    ['ip', '127.0.0.1'],
    ['port', ports.port],
    ['ui-port', ports.uiPort],
    ['http-port', ports.httpPort],
    ['metrics-port', ports.metricsPort],
    ['namespace', settings.namespace],
    ['db-filename', temporalDatabase(settings.dataDir)],
    ['sqlite-pragma', 'journal_mode=WAL'],
    ['sqlite-pragma', `synchronous=${settings.synchronous}`],
    ['dynamic-config-value', 'matching.enableFairness=true'],
    ['dynamic-config-value', 'matching.useNewMatcher=true'],
    ['log-level', 'error'],
  ];
  for (const name of settings.searchAttributes) flags.push(['search-attribute', `${name}=Keyword`]);
  return ['server', 'start-dev', ...flags.flatMap(([flag, value]) => [`--${flag}`, String(value)])];
}
