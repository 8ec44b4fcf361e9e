// Owns engines, to be killed without a word. Prints one line of JSON when all runs.
import { startEmbedded } from '../../src/embedded/embedded.ts';

const [dataDir = '', cacheDir = ''] = process.argv.slice(2);
const embedded = await startEmbedded({
  dataDir,
  cacheDir,
  needTemporal: true,
  needMongo: true,
  searchAttributes: [],
  temporalSynchronous: 'NORMAL',
  onProgress: () => {},
  onDeath: (engine, detail) => process.stdout.write(`${JSON.stringify({ engine, detail })}\n`),
});
process.stdout.write(
  `${JSON.stringify({ mongoUri: embedded.mongoUri, temporal: embedded.temporalAddress })}\n`,
);
