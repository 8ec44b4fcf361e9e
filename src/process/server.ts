import { createGraphql } from '../../schema/server.ts';
import { type App, createApp } from '../app/app.ts';
import { isLoopbackHost, loadConfig, sharedEndpoints } from '../config.ts';
import { createHttp } from '../http/server.ts';
import { ensureDataFolder } from './data-folder.ts';
import { runProcess } from './lifecycle.ts';
import { explainListening } from './listening.ts';

interface Serving {
  /** Base of every absolute URL in an answer. */
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Time for running requests to finish when the process stops. */
const CLOSE_GRACE_MS = 5000;

/** Starts serving every API: GraphQL, the dialects, uploads and downloads. */
export async function startServing(app: App): Promise<Serving> {
  const {
    operations,
    infrastructure: { config, log, publicUrls, checkReady },
  } = app;
  const graphql = createGraphql({
    operations,
    log,
    publicUrl: publicUrls.of,
    development: isLoopbackHost(config.host),
  });
  const http = createHttp({
    operations,
    log,
    publicUrl: publicUrls.of,
    graphql,
    checkReady,
    limits: { uploadBytes: config.limits.uploadBytes },
  });
  const { host, port: wanted } = config;
  const { url, port } = await http.listen(host, wanted).catch((error: unknown) => {
    throw explainListening(error, host, wanted);
  });
  publicUrls.listenAt(url);
  return { url: publicUrls.of(), port, stop: () => http.close(CLOSE_GRACE_MS) };
}

/** `npm run server`: the server without the worker. */
if (import.meta.main) {
  await runProcess(async () => {
    const config = loadConfig();
    await using opening = new AsyncDisposableStack();
    const endpoints = sharedEndpoints(config);
    await ensureDataFolder(config.dataDir);
    const app = await createApp(config, endpoints);
    opening.defer(() => app.close());
    const serving = await startServing(app);
    opening.defer(() => serving.stop());
    process.stdout.write(`Kiln server is ready at ${serving.url}\n`);
    const opened = opening.move();
    return { stop: () => opened.disposeAsync() };
  });
}
