import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'workflows');
/** Has the extension of this module: .ts, or .js where it was built. */
const WORKFLOWS = join(FOLDER, `index${extname(import.meta.filename)}`);
const BUNDLER = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
/** In node_modules, so that it is removed with the packages. */
const KEPT = join(dirname(BUNDLER), '../../.cache/kiln/workflow-bundle.json');

interface KeptBundle {
  /** Digest of the sources. */
  madeFrom: string;
  code: string;
}

/**
 * Returns the workflows as one script for workers. Bundling takes more than a second, so the last bundle is
 * kept on disk.
 */
export async function bundleWorkflows(): Promise<{ code: string }> {
  const madeFrom = await digestOfSources();
  const kept = await readKept();
  if (kept?.madeFrom === madeFrom) return kept;
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: new DefaultLogger('WARN'),
    // Names modules relative to the root, wherever the process was started.
    webpackConfigHook: (webpack) => ({ ...webpack, context: ROOT }),
  });
  await keep({ madeFrom, code });
  return { code };
}

/**
 * Returns a digest of the workflows and the bundler: workflows import values only from each other and the SDK.
 */
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
    // The file is absent or unreadable, so the bundle is made again.
    return null;
  }
}

/** Writes the bundle to disk. Ignores errors: where nothing can be written, each start bundles again. */
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
