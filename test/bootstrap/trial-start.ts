// The `start` of a trial project: says who it is, stops politely, and leaves when its parent does.
import { watchParent } from '../../src/embedded/process/parent-watch.ts';

const say = (word: string) => process.stdout.write(`${word} ${process.pid}\n`);
let signals = 0;

process.on('SIGTERM', () => {
  signals += 1;
  setTimeout(() => process.exit(signals === 1 ? 0 : 9), 300);
});
watchParent(() => process.exit(1));
if (process.argv.includes('--exit')) process.exit(Number(process.argv.at(-1)));
setInterval(() => {}, 1000);
say('running');
