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

/** A Kiln whose parts can be killed, and which comes back on the same data, port and keys. */
export interface MortalKiln {
  readonly victims: readonly Victim[];
  readonly dataDir: string;
  readonly url: string;
  readonly apiKey: string;
  readonly mongoUri: string;
  readonly temporalAddress: string;
  /** SIGKILL, without a word before. */
  kill(victim: Victim): void;
  /** Starts what the kill has ended. @returns what was left running of it, by command line. */
  restart(): Promise<string[]>;
  /** Ends all of it. @returns what was left running. */
  stop(): Promise<string[]>;
}

/** A killed service must be gone by then, down to its engines. */
const GONE_MS = 15_000;
/** A machine on which much is killed and started at once may be slow. */
const READY_MS = 300_000;

/** `npm start`, whose engines are its own: when one of them dies, all of it ends. */
export async function startWholeKiln(mark: string, env: Record<string, string> = {}): Promise<MortalKiln> {
  const dataDir = await newDataDir();
  let runs = 0;
  let kiln = await start({ KILN_PORT: '0' });
  let family: LivingProcess[] = [];
  // Started outside of npm it would outlive whoever is interrupted while it runs.
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

/** By the record that the data folder keeps of its running engines. */
export function enginePid(dataDir: string, engine: string): number {
  const running: { engine: string; pid: number }[] = JSON.parse(
    readFileSync(join(dataDir, 'engine-pids.json'), 'utf8'),
  );
  const found = running.find((one) => one.engine.toLowerCase() === engine);
  if (!found) throw new Error(`No ${engine} runs on ${dataDir}.`);
  return found.pid;
}
