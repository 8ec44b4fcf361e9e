import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** TypeScript as it stands here, JavaScript where it was built. */
const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'workflows');
const WORKFLOWS = join(FOLDER, `index${extname(import.meta.filename)}`);
const BUNDLER = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
/** Beside the packages, so that it goes with them. */
const KEPT = join(dirname(BUNDLER), '../../.cache/kiln/workflow-bundle.json');

interface KeptBundle {
  /** Digest of what the code was made from. */
  madeFrom: string;
  code: string;
}

/** The workflows as one script for the worker. Making it takes more than a second, so the last one is kept. */
export async function bundleWorkflows(): Promise<{ code: string }> {
  const madeFrom = await digestOfSources();
  const kept = await readKept();
  if (kept?.madeFrom === madeFrom) return kept;
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: new DefaultLogger('WARN'),
    // Modules are named from there, wherever the process was started.
    webpackConfigHook: (webpack) => ({ ...webpack, context: ROOT }),
  });
  await keep({ madeFrom, code });
  return { code };
}

/** Workflows import nothing but each other and the SDK. */
async function digestOfSources(): Promise<string> {
  const names = (await readdir(FOLDER)).sort();
  const hash = createHash('sha256').update(await readFile(BUNDLER));
  for (const name of names) hash.update(`\0${name}\0`).update(await readFile(join(FOLDER, name)));
  return hash.digest('hex');
}

async function readKept(): Promise<KeptBundle | null> {
  try {
    return JSON.parse(await readFile(KEPT, 'utf8')) as KeptBundle;
  } catch {
    // Not made yet, or not readable: it is made again.
    return null;
  }
}

/** Where nothing may be written, as in a container, each start makes its own. */
async function keep(bundle: KeptBundle): Promise<void> {
  const unfinished = `${KEPT}.${randomUUID()}`;
  try {
    await mkdir(dirname(KEPT), { recursive: true });
    await writeFile(unfinished, JSON.stringify(bundle));
    await rename(unfinished, KEPT);
  } catch {
    await rm(unfinished, { force: true }).catch(() => {});
  }
}
