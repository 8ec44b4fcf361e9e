import { join } from 'node:path';
import { loadConfig } from '../../../src/config.ts';
import { type Embedded, startEmbedded } from '../../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { openForwarder } from './forwarder.ts';
import { enginePid } from './whole-kiln.ts';

type EngineName = 'temporal' | 'mongodb';

/** Starts an engine outside of Kiln, at one address with its own data, which can be stopped and started again. */
export async function startEngineApart(name: EngineName, folder: string) {
  const dataDir = join(folder, name);
  const forwarder = await openForwarder();
  let engine: Embedded | undefined;

  async function start(): Promise<void> {
    engine = await startEmbedded({
      dataDir,
      cacheDir: loadConfig().cacheDir,
      needTemporal: name === 'temporal',
      needMongo: name === 'mongodb',
      searchAttributes: Object.values(ATTRIBUTES).map((attribute) => attribute.name),
      temporalSynchronous: 'NORMAL',
      onProgress: () => {},
      onDeath: () => {},
    });
    const { temporalAddress, mongoUri } = engine;
    await forwarder.leadTo(Number(new URL(mongoUri ?? `http://${temporalAddress}`).port));
  }

  /** Stops it as an operator does, and waits for the end. */
  async function stop(): Promise<void> {
    await engine?.stop();
    engine = undefined;
    await forwarder.close();
  }

  await start();
  return {
    dataDir,
    port: forwarder.port,
    start,
    stop,

    /** Kills it by SIGKILL, and then its leftovers, as a new start would. */
    async kill(): Promise<void> {
      process.kill(enginePid(dataDir, name), 'SIGKILL');
      await stop();
    },
  };
}
