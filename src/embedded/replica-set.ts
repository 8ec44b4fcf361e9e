import { setTimeout as sleep } from 'node:timers/promises';
import { type Db, type Document, MongoClient, MongoServerError } from 'mongodb';

const NAME = 'kiln';
const NOT_YET_INITIALIZED = 94;
const POLL_MS = 50;

/** The flags that make a mongod a member of our replica set of one. */
export const REPLICA_SET_FLAGS: readonly string[] = ['--replSet', NAME];

/**
 * Makes a lone mongod the primary of a replica set of one, which change streams and retried writes
 * need. Its address is part of the set's configuration, and the port changes with every start.
 */
export async function becomePrimary(port: number, timeoutMs: number): Promise<void> {
  const options = { directConnection: true, serverSelectionTimeoutMS: timeoutMs };
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, options);
  try {
    const admin = client.db('admin');
    await configure(admin, `127.0.0.1:${port}`);
    const deadline = Date.now() + timeoutMs;
    while (!(await admin.command({ hello: 1 })).isWritablePrimary) {
      if (Date.now() > deadline) throw new Error('no primary was elected');
      await sleep(POLL_MS);
    }
  } finally {
    await client.close();
  }
}

async function configure(admin: Db, host: string): Promise<void> {
  const config = await readConfig(admin);
  if (!config) {
    await admin.command({ replSetInitiate: { _id: NAME, members: [{ _id: 0, host }] } });
    return;
  }
  const [member] = config.members;
  if (member.host === host) return;
  const moved = { ...config, version: config.version + 1, members: [{ ...member, host }] };
  await admin.command({ replSetReconfig: moved, force: true });
}

async function readConfig(admin: Db): Promise<Document | undefined> {
  try {
    return (await admin.command({ replSetGetConfig: 1 })).config;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
}
