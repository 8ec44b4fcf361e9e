import { join } from 'node:path';
import { loadConfig } from '../../../src/config.ts';
import { type Embedded, startEmbedded } from '../../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { openForwarder } from './forwarder.ts';
import { enginePid } from './whole-kiln.ts';

type EngineName = 'temporal' | 'mongodb';

/** An engine that no process of Kiln owns, at one address, with data of its own: it may go and come back. */
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

  /** As an operator does, who waits for it. */
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

    /** SIGKILL; then what is left of its owner is tidied up, as a new start would. */
    async kill(): Promise<void> {
      process.kill(enginePid(dataDir, name), 'SIGKILL');
      await stop();
    },
  };
}
