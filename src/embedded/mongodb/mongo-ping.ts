import { MongoClient } from 'mongodb';

/**
 * Pings a MongoDB by any URI that the driver understands: SRV records, sockets, several hosts. Throws the
 * driver's error.
 */
export async function pingMongo(uri: string, timeoutMs: number): Promise<void> {
  const limits = { serverSelectionTimeoutMS: timeoutMs, connectTimeoutMS: timeoutMs, timeoutMS: timeoutMs };
  const client = new MongoClient(uri, limits);
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}
