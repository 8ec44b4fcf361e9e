import { createDiskBlobStore } from '../../src/blobs/disk.ts';
import { createScratch } from '../../src/blobs/scratch.ts';
import type { Retention } from '../../src/domain/files/retention.ts';
import { createSweep } from '../../src/operations/files/sweep.ts';
import { createFileRepository } from '../../src/store/files.ts';
import { connectMongo } from '../../src/store/mongo/mongo.ts';
import { createRetentionRepository } from '../../src/store/retention.ts';
import { sweepAll } from './sweeping.ts';

/** A program that sweeps once, for a test that kills it. */
const [uri = '', database = '', blobs = '', scratch = '', lifetimes = '{}'] = process.argv.slice(2);
const { collections, close } = await connectMongo(uri, database);
const sweep = createSweep({
  files: createFileRepository(collections),
  blobs: createDiskBlobStore(blobs),
  scratch: createScratch(scratch),
  retention: createRetentionRepository(collections),
  lifetimes: JSON.parse(lifetimes) as Retention,
});
process.stdout.write('sweeping\n');
await sweepAll(sweep);
process.stdout.write('swept\n');
await close();
