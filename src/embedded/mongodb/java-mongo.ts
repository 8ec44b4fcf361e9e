import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { cachedFolder, installFolder } from '../install/cache.ts';
import { sha256 } from '../install/digest.ts';
import { MONGO_JAVA_SERVER_JARS, MONGO_JAVA_SERVER_VERSION } from '../install/versions.ts';
import { runCommand } from '../process/command.ts';

const SOURCES = fileURLToPath(new URL('../mongo-java-server/', import.meta.url));
const MAIN_CLASS = 'EmbeddedMongo';
const JAVA_OLDEST = 17;
const MAVEN_TIMEOUT_MS = 300_000;
const COMPILE_TIMEOUT_MS = 60_000;
const VERSION_TIMEOUT_MS = 10_000;

/**
 * Returns the launcher's class path. At first use fetches the jars with Maven, checks each against its pinned
 * SHA-256, and compiles the launcher.
 * @throws ProviderUnavailable if Java 17, or at first use Maven or the compiler, is missing.
 */
export async function provideJavaMongo(
  cacheDir: string,
  onProgress: (line: string) => void,
): Promise<string> {
  await requireJava();
  const jars = join(await provideJars(cacheDir, onProgress), '*');
  const classes = await provideClasses(cacheDir, jars);
  return [classes, jars].join(delimiter);
}

/** Returns the arguments of `java` that serve a file on a port. */
export function javaMongoArguments(classPath: string, port: number, file: string): string[] {
  return [
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    classPath,
    MAIN_CLASS,
    String(port),
    file,
  ];
}

async function requireJava(): Promise<void> {
  const output = await runCommand('java', ['--version'], VERSION_TIMEOUT_MS);
  const major = Number(/\d+/.exec(output)?.[0]);
  if (!(major >= JAVA_OLDEST))
    throw new ProviderUnavailable(`java ${major} is too old, ${JAVA_OLDEST} is needed`);
}

async function provideJars(cacheDir: string, onProgress: (line: string) => void): Promise<string> {
  const name = `mongo-java-server-${MONGO_JAVA_SERVER_VERSION}-jars`;
  const cached = await cachedFolder(cacheDir, name);
  if (cached) return cached;
  onProgress(`mongo-java-server ${MONGO_JAVA_SERVER_VERSION}: downloading its jars with Maven (about 6 MB)`);
  return installFolder(cacheDir, name, async (staging) => {
    // Copies the pom, since Maven works where it lies.
    const pom = join(staging, 'pom.xml');
    await copyFile(join(SOURCES, 'pom.xml'), pom);
    const goals = ['dependency:copy-dependencies', `-DoutputDirectory=${staging}`];
    await runCommand('mvn', ['--quiet', '--batch-mode', '--file', pom, ...goals], MAVEN_TIMEOUT_MS);
    await rm(pom);
    await verifyJars(staging);
  });
}

async function verifyJars(folder: string): Promise<void> {
  const expected = Object.entries(MONGO_JAVA_SERVER_JARS);
  const found = await readdir(folder);
  for (const [jar, sum] of expected) {
    const bytes = found.includes(jar) ? await readFile(join(folder, jar)) : '';
    if (sha256(bytes) !== sum) throw new ProviderUnavailable(`${jar} does not have the pinned SHA-256`);
  }
  if (found.length !== expected.length)
    throw new ProviderUnavailable('Maven resolved jars that are not pinned');
}

async function provideClasses(cacheDir: string, jars: string): Promise<string> {
  const sources = (await readdir(SOURCES, { recursive: true }))
    .filter((file) => file.endsWith('.java'))
    .sort();
  const contents = await Promise.all(sources.map((source) => readFile(join(SOURCES, source))));
  const name = `mongo-java-server-${MONGO_JAVA_SERVER_VERSION}-launcher-${sha256(Buffer.concat(contents)).slice(0, 12)}`;
  const cached = await cachedFolder(cacheDir, name);
  if (cached) return cached;
  return installFolder(cacheDir, name, async (staging) => {
    const paths = sources.map((source) => join(SOURCES, source));
    await runCommand('javac', ['-cp', jars, '-d', staging, ...paths], COMPILE_TIMEOUT_MS);
  });
}
