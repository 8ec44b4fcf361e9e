import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type KilnProcess,
  type LivingProcess,
  markedProcesses,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  survivorsOf,
  until,
} from '../service/kiln-process.ts';

export type Victim = 'temporal' | 'main' | 'mongodb' | 'worker';

/** A service whose parts can be killed, and which restarts with the same data, port and keys. */
export interface MortalKiln {
  readonly victims: readonly Victim[];
  readonly dataDir: string;
  readonly url: string;
  readonly apiKey: string;
  readonly mongoUri: string;
  readonly temporalAddress: string;
  /** Kills a part by SIGKILL. */
  kill(victim: Victim): void;
  /** Starts again what the kill has ended. @returns the command lines of what was left running. */
  restart(): Promise<string[]>;
  /** Stops all of it. @returns what was left running. */
  stop(): Promise<string[]>;
}

/** Time for a killed service to end, with its engines. */
const GONE_MS = 15_000;
/** Time for a start, on a machine where much is killed and started at once. */
const READY_MS = 300_000;

/** Runs `npm start` with its embedded engines: when one of them dies, all of it ends. */
export async function startWholeKiln(mark: string, env: Record<string, string> = {}): Promise<MortalKiln> {
  const dataDir = await newDataDir();
  let runs = 0;
  let kiln = await start({ KILN_PORT: '0' });
  let family: LivingProcess[] = [];
  // Without npm it would outlive an interrupted test.
  process.once('exit', () => void kiln.child.kill('SIGTERM'));

  function start(port: { KILN_PORT: string }): Promise<KilnProcess> {
    runs += 1;
    return startKilnProcess({
      dataDir,
      mark: `${mark}-${runs}`,
      readyMs: READY_MS,
      env: { ...env, ...port },
    });
  }

  async function leftOver(): Promise<string[]> {
    const left = () => [...survivorsOf(family), ...markedProcesses(`${mark}-${runs}`)];
    await until(() => left().length === 0, GONE_MS).catch(() => {});
    return left().map(({ pid, command }) => `${pid} ${command.slice(0, 120)}`);
  }

  return {
    victims: ['temporal', 'main', 'mongodb'],
    dataDir,
    get url() {
      return kiln.url;
    },
    get apiKey() {
      return kiln.credentials.apiKey;
    },
    get mongoUri() {
      return kiln.run.mongoUri;
    },
    get temporalAddress() {
      return kiln.run.temporalAddress;
    },

    kill(victim) {
      family = markedProcesses(`${mark}-${runs}`);
      process.kill(victim === 'main' ? kiln.run.pid : enginePid(dataDir, victim), 'SIGKILL');
    },

    async restart() {
      const left = await leftOver();
      kiln = await start({ KILN_PORT: new URL(kiln.url).port });
      return left;
    },

    async stop() {
      family = markedProcesses(`${mark}-${runs}`);
      await kiln.stop();
      const left = await leftOver();
      await removeDataDir(dataDir);
      return left;
    },
  };
}

/** Returns the process id of an engine, from the data folder's record. */
export function enginePid(dataDir: string, engine: string): number {
  const running: { engine: string; pid: number }[] = JSON.parse(
    readFileSync(join(dataDir, 'engine-pids.json'), 'utf8'),
  );
  const found = running.find((one) => one.engine.toLowerCase() === engine);
  if (!found) throw new Error(`No ${engine} runs on ${dataDir}.`);
  return found.pid;
}
