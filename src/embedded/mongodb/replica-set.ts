import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Db,
  type Document,
  MongoClient,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';

const NAME = 'kiln';
const NOT_YET_INITIALIZED = 94;
const ALREADY_INITIALIZED = 23;
/** Error codes of a mongod that starts up: it has not read its configuration yet, or is applying one. */
const PASSING = new Set([
  NOT_YET_INITIALIZED,
  ALREADY_INITIALIZED,
  91,
  109,
  189,
  10107,
  11600,
  11602,
  13435,
  13436,
]);
const POLL_MS = 50;
const CALL_MS = 5000;
/** Major version since which raising the compatibility must be confirmed; older ones reject the parameter. */
const CONFIRMS_SINCE = 7;

/** The flags that make a mongod a member of our replica set of one. */
export const REPLICA_SET_FLAGS: readonly string[] = ['--replSet', NAME];

interface PrimaryOptions {
  port: number;
  /** The mongod's own, for example "8.0.4". */
  version: string;
  timeoutMs: number;
  /** Ends the wait when mongod has ended. */
  signal: AbortSignal;
  /** One line for a person. */
  onProgress: (line: string) => void;
}

/**
 * Makes a lone mongod the primary of a replica set of one, which change streams and retried writes
 * need, and lets it use what its own version brings. While it loads its configuration it refuses calls
 * and drops connections, so everything is asked again until the time is over.
 */
export async function becomePrimary(options: PrimaryOptions): Promise<void> {
  const { port, timeoutMs, signal } = options;
  const clientOptions = {
    directConnection: true,
    serverSelectionTimeoutMS: CALL_MS,
    connectTimeoutMS: CALL_MS,
  };
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, clientOptions);
  try {
    const admin = client.db('admin');
    const deadline = Date.now() + timeoutMs;
    let reason: unknown = new Error('no primary was elected');
    while (Date.now() < deadline && !signal.aborted) {
      try {
        if (await isPrimary(admin, `127.0.0.1:${port}`)) return await raiseCompatibility(admin, options);
      } catch (error) {
        if (!mayPass(error)) throw error;
        reason = error;
      }
      await sleep(POLL_MS);
    }
    throw reason;
  } finally {
    await client.close();
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  return error instanceof MongoServerError && PASSING.has(Number(error.code));
}

/** Configures the set if need be. Returns whether its one member can be written to already. */
async function isPrimary(admin: Db, host: string): Promise<boolean> {
  const config = await readConfig(admin);
  if (!config) {
    await admin.command({ replSetInitiate: { _id: NAME, members: [{ _id: 0, host }] } });
    return false;
  }
  const [member] = config.members;
  if (member.host !== host) {
    const moved = { ...config, version: config.version + 1, members: [{ ...member, host }] };
    await admin.command({ replSetReconfig: moved, force: true });
    return false;
  }
  return (await admin.command({ hello: 1 })).isWritablePrimary === true;
}

/**
 * Returns undefined if there is no configuration or none has been read yet: initiating then fails with
 * ALREADY_INITIALIZED.
 */
async function readConfig(admin: Db): Promise<Document | undefined> {
  try {
    return (await admin.command({ replSetGetConfig: 1 })).config;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
}

/**
 * Raises the data's compatibility to this version. Without it data stays at the version that first wrote it,
 * and two major versions later no mongod opens it.
 */
async function raiseCompatibility(admin: Db, { version, onProgress }: PrimaryOptions): Promise<void> {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const wanted = `${major}.${minor}`;
  const { featureCompatibilityVersion: found } = await admin.command({
    getParameter: 1,
    featureCompatibilityVersion: 1,
  });
  if (found?.version === wanted) return;
  const command = {
    setFeatureCompatibilityVersion: wanted,
    ...(major >= CONFIRMS_SINCE && { confirm: true }),
  };
  await admin.command(command).catch((error: unknown) => {
    if (mayPass(error)) throw error;
    onProgress(`MongoDB: its data stays at ${found?.version}, it cannot be raised to ${wanted} (${error})`);
  });
}
