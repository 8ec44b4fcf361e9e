import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type Config, loadConfig } from '../../config.ts';
import { watchParent } from '../../embedded/process/parent-watch.ts';
import { isRunning } from '../../is-running.ts';
import { type Kiln, startKiln } from '../../process/kiln.ts';
import { createConversions } from '../commands/jobs/conversions.ts';
import type { Service } from '../service-client/graphql-client.ts';
import { CommandError } from '../terminal/command-error.ts';
import { convertWaiting, convertWatched, type GraphqlStepPorts } from './graphql-steps.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { loadSamples } from './samples.ts';
import { convertOverSwapmyfile } from './swapmyfile-step.ts';

const RESULTS = resolve('demo-out');

/** `npm run demo`: starts a whole service, converts files through both APIs, and leaves only the results. */
async function runDemo(): Promise<void> {
  const config = await prepareFolders();
  const narrator = createNarrator();
  let kiln: Kiln | undefined;
  const start = async () => {
    kiln = await startKiln(config, (line) => narrator.detail('', line));
    kiln.ended?.catch((error: unknown) => leave(error));
    return `Kiln ${kiln.url}`;
  };
  const stop = async () => {
    const running = kiln;
    kiln = undefined;
    await running?.stop();
    return 'nothing runs any more';
  };
  try {
    await narrator.step('Start Temporal, MongoDB, the worker and the API', start);
    if (kiln) await convertEverything(await serviceOf(kiln), narrator);
    await narrator.step('Stop everything', stop);
  } catch (error) {
    await stop();
    throw error;
  }
  process.stdout.write(`\n${narrator.summary()}\n\nThe results are in ${relative('.', RESULTS)}/\n`);
}

async function convertEverything(service: Service, narrator: Narrator): Promise<void> {
  const { png, jpeg, heic, svg } = await loadSamples();
  const conversions = createConversions(service);
  const graphql: GraphqlStepPorts = { conversions, narrator, folder: RESULTS };
  try {
    await narrator.step('PNG to WebP through GraphQL, watched by a subscription', () =>
      convertWatched(graphql, {
        sample: png,
        target: 'webp',
        options: { width: 800, quality: 82 },
        expected: { format: 'webp', width: 800, height: 500 },
      }),
    );
    await narrator.step('JPEG to PNG through the SwapMyFile API, with a signed callback', () =>
      convertOverSwapmyfile(
        { service, narrator, folder: RESULTS },
        {
          sample: jpeg,
          converterSlug: 'jpg-to-png',
          expected: { format: 'png', width: 1200, height: 750 },
        },
      ),
    );
    await narrator.step('HEIC to JPEG through GraphQL, in one waiting call', () =>
      convertWaiting(graphql, {
        sample: heic,
        target: 'jpg',
        expected: { format: 'jpg', width: 1200, height: 900 },
      }),
    );
    await narrator.step('SVG to PNG through GraphQL, in one waiting call', () =>
      convertWaiting(graphql, {
        sample: svg,
        target: 'png',
        options: { width: 512 },
        expected: { format: 'png', width: 512, height: 512 },
      }),
    );
  } finally {
    await conversions.close();
  }
}

async function serviceOf({ url, credentialsPath }: Kiln): Promise<Service> {
  const { apiKey } = JSON.parse(await readFile(credentialsPath, 'utf8'));
  return { url, apiKey };
}

/** Makes a data folder for this run alone, which is removed even if the run is interrupted. */
async function prepareFolders() {
  const configured = loadConfig();
  const parent = configured.dataDir;
  const dataDir = join(parent, `demo-${process.pid}`);
  const leaveNothing = () => {
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    // Removes it only if it is empty: a folder with other data stays.
    if (readdirSync(parent).length === 0) rmdirSync(parent);
  };
  await mkdir(RESULTS, { recursive: true });
  await mkdir(dataDir, { recursive: true });
  await removeAbandoned(parent);
  process.once('exit', leaveNothing);
  const config: Config = {
    ...configured,
    dataDir,
    host: '127.0.0.1',
    port: 0,
    publicUrl: undefined,
    // The callback goes to this very process.
    allowedNetworks: ['127.0.0.0/8'],
    temporal: { ...configured.temporal, queuePrefix: `demo-${process.pid}` },
    logLevel: 'error',
  };
  return config;
}

/** Removes the folders of demos that were killed. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, pid] = /^demo-(\d+)$/.exec(name) ?? [];
    if (pid && !isRunning(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Exits at once; the reaper ends the embedded engines. */
function leave(reason: unknown, code = 1): never {
  const { message, hint } =
    reason instanceof CommandError ? reason : { message: messageOf(reason), hint: undefined };
  process.stderr.write(`\nThe demo did not succeed: ${[message, hint].filter(Boolean).join(' ')}\n`);
  process.exit(code);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => leave('it was interrupted.', 128 + constants.signals[signal]));
}
watchParent(() => leave('the command that started it has ended.'));
await runDemo().then(() => process.exit(0), leave);
