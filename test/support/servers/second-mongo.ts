import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { cachedFolder, installFolder } from '../../../src/embedded/install/cache.ts';
import { runCommand } from '../../../src/embedded/process/command.ts';
import { startOnFreePorts } from '../../../src/embedded/process/free-port.ts';
import { startServerProcess, untilReady } from '../../../src/embedded/process/server-process.ts';

/**
 * A second server that speaks MongoDB's protocol and says that it is MongoDB 8: it is a replica set, explains
 * its plans, and follows MongoDB where the embedded server does not. GPL: for tests only, in a process of its own.
 */
const VERSION = '0.7.0b3';
const LAUNCHER = join(import.meta.dirname, 'secantus.py');
const INSTALL_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 10_000;

interface SecondMongoSettings {
  dataDir: string;
  cacheDir: string;
  onProgress(line: string): void;
}

/** Installs it where it is not in the cache, and starts it on an empty folder. */
export async function startSecondMongo(settings: SecondMongoSettings) {
  const library = await provide(settings);
  const { dataDir } = settings;
  const engine = await startOnFreePorts(1, async ([port = 0]) => {
    const process = await startServerProcess({
      engine: 'SecantusDB',
      program: 'python3',
      args: [
        LAUNCHER,
        library,
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--log-level',
        'WARNING',
        '--storage-path',
        join(dataDir, 'secantus'),
      ],
      orphanSignal: 'KILL',
      logPath: join(dataDir, 'logs', 'secantus.log'),
      // It ends with our side of its standard input.
      registry: { started() {}, ended() {} },
    });
    const uri = `mongodb://127.0.0.1:${port}/kiln?directConnection=true`;
    await untilReady(process, () => answers(uri), READY_TIMEOUT_MS);
    return { uri, stop: () => process.stop() };
  });
  settings.onProgress(`SecantusDB ${VERSION} runs as a second MongoDB`);
  return engine;
}

/** @returns the folder that Python finds it in. Its parts are made for one version of Python. */
async function provide({ cacheDir, onProgress }: SecondMongoSettings): Promise<string> {
  const tag = await runCommand(
    'python3',
    ['-c', 'import sys; print(sys.implementation.cache_tag, end="")'],
    COMMAND_TIMEOUT_MS,
  );
  const name = `secantusdb-${VERSION}-${tag}`;
  const cached = await cachedFolder(cacheDir, name);
  if (cached) return cached;
  onProgress(`SecantusDB ${VERSION}: installing it with pip, for tests only (about 40 MB)`);
  return installFolder(cacheDir, name, async (staging) => {
    const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'];
    const command = ['-m', 'pip', 'install', ...flags, '--target', staging, `SecantusDB==${VERSION}`];
    await runCommand('python3', command, INSTALL_TIMEOUT_MS);
  });
}

async function answers(uri: string): Promise<boolean> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1000 });
  try {
    await client.db().command({ ping: 1 });
    return true;
  } finally {
    await client.close();
  }
}
