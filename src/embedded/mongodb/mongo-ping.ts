import { MongoClient } from 'mongodb';

/** Asks a MongoDB whether it is there, as the driver understands its URI: SRV records, sockets, several hosts. */
export async function pingMongo(uri: string, timeoutMs: number): Promise<void> {
  const limits = { serverSelectionTimeoutMS: timeoutMs, connectTimeoutMS: timeoutMs, timeoutMS: timeoutMs };
  const client = new MongoClient(uri, limits);
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}
