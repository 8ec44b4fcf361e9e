import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { type App, createApp } from '../app/app.ts';
import type { Config } from '../config.ts';
import { startEmbedded } from '../embedded/embedded.ts';
import { loadOrCreateMasterKeys, MASTER_KEY_FILE } from '../secrets/master-key-file.ts';
import { ensureDataFolder } from './data-folder.ts';
import { ensureFirstAccount, loadCredentials } from './first-account.ts';
import type { Running } from './lifecycle.ts';
import { checkListening } from './listening.ts';
import { startServing } from './server.ts';
import { startWork } from './worker.ts';

export interface Kiln extends Running {
  url: string;
  app: App;
  temporalUi: string | undefined;
  temporalAddress: string;
  mongoUri: string;
  credentialsPath: string;
  /** Sentences that an operator should read at start. */
  notes: string[];
}

/**
 * Starts Kiln on one machine: the engines that are not configured elsewhere, then the app, the worker and the
 * server. `say` receives one line of progress at a time.
 */
export async function startKiln(config: Config, say: (line: string) => void): Promise<Kiln> {
  await ensureDataFolder(config.dataDir);
  const died = Promise.withResolvers<never>();
  const engines = await startEmbedded({
    dataDir: config.dataDir,
    cacheDir: config.cacheDir,
    needTemporal: config.temporal.address === undefined,
    needMongo: config.mongoUri === undefined,
    searchAttributes: Object.values(ATTRIBUTES).map(({ name }) => name),
    temporalSynchronous: config.temporal.synchronous,
    beforeEngines: () => checkListening(config.host, config.port),
    onProgress: say,
    onDeath: (engine, detail) =>
      died.reject(new Error(`${engine} ended by itself (${detail}). Nothing is lost: start Kiln again.`)),
  });
  died.promise.catch(() => {});
  await using opening = new AsyncDisposableStack();
  opening.defer(() => engines.stop());
  const kiln = await startOn(config, engines, opening);
  const opened = opening.move();
  return {
    ...kiln,
    ended: Promise.race([died.promise, kiln.ended]),
    stop: () => opened.disposeAsync(),
  };
}

type Engines = Awaited<ReturnType<typeof startEmbedded>>;

/** Opens the app, its worker and its server, and registers on `opening` how each is closed. */
async function startOn(
  config: Config,
  engines: Engines,
  opening: AsyncDisposableStack,
): Promise<Omit<Kiln, 'stop'>> {
  const mongoUri = config.mongoUri ?? engines.mongoUri ?? '';
  const temporalAddress = config.temporal.address ?? engines.temporalAddress ?? '';
  const masterKeys =
    config.masterKeys ?? (await loadOrCreateMasterKeys(join(config.dataDir, MASTER_KEY_FILE)));
  const credentials = await loadCredentials(config);
  const app = await createApp(config, {
    mongoUri,
    temporalAddress,
    masterKeys,
    adminToken: credentials.adminToken,
    refusedPorts: engines.ports,
  });
  opening.defer(() => app.close());
  const workers = await startWork(app);
  opening.defer(() => workers.stop());
  const serving = await startServing(app);
  opening.defer(() => serving.stop());
  const credentialsPath = await ensureFirstAccount(app, { ...credentials, url: serving.url });
  const runPath = join(config.dataDir, 'run.json');
  const run = {
    pid: process.pid,
    url: serving.url,
    graphql: `${serving.url}/graphql`,
    temporalAddress,
    temporalUi: engines.temporalUi,
    mongoUri,
  };
  await writeFile(runPath, JSON.stringify(run, null, 2), { mode: 0o600 });
  opening.defer(() => rm(runPath, { force: true }));
  return {
    url: serving.url,
    app,
    temporalUi: engines.temporalUi,
    temporalAddress,
    mongoUri,
    credentialsPath,
    notes: notesFor(config),
    ended: workers.ended,
  };
}

function notesFor(config: Config): string[] {
  if (config.allowedNetworks.length === 0) return [];
  return [`Outgoing requests may reach ${config.allowedNetworks.join(', ')} (KILN_ALLOWED_NETWORKS)`];
}
