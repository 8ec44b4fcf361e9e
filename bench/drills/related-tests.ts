import { startVitest } from 'vitest/node';
import { SLOWEST } from '../../test/support/slowest-first.ts';

// Runs, in the folder where it is started, those tests of a folder that import one of the files and take no
// half a minute each, until one fails: that one is told to the parent, with what it said; nothing when all pass.
const [project = '', tests = '', ...related] = process.argv.slice(2);
/** A machine that does much else beside it is slow; what hangs is noticed all the same. */
const testTimeout = 90_000;
const vitest = await startVitest('test', tests.split(','), {
  run: true,
  watch: false,
  bail: 1,
  testTimeout,
  passWithNoTests: true,
  project: [project],
  related,
  cliExclude: SLOWEST.map((name) => `**${name}`),
  reporters: [],
});
for (const module of vitest.state.getTestModules()) {
  const [failed] = module.children.allTests('failed');
  const error = failed?.result().errors?.[0] ?? module.errors()[0];
  if (error) process.send?.(`${failed?.fullName ?? module.relativeModuleId}: ${error.message}`);
}
await vitest.close();
process.exit();
