import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.ts';

/** On the time-skipping Temporal server, one for each file. */
const WORKFLOWS = ['test/workflows/**/*.test.ts'];
/** On one Temporal and one MongoDB that all files share. */
const ENGINES = [
  'activities',
  'cli/doctor',
  'operations',
  'process',
  'rest',
  'schema',
  'secrets',
  'store',
  'temporal',
].map((folder) => `test/${folder}/**/*.test.ts`);
/**
 * Once more on another server that speaks MongoDB's protocol; both have faults, and not the same ones. By itself
 * only what takes a minute or two; KILN_TEST_MONGO=secantus takes all that needs a database.
 */
const SECOND_MONGO =
  process.env.KILN_TEST_MONGO === 'secantus'
    ? ENGINES
    : [
        ...['mongo/query-shapes', 'mongo/cut-connection', 'mongo/changes'].map((name) => `store/${name}`),
        ...['repositories', 'jobs', 'batches', 'deliveries'].map((name) => `store/${name}`),
        ...['keys', 'logins', 'foreign-ids'].map((name) => `operations/access/${name}`),
        ...['endpoint-secrets', 'attempts'].map((name) => `operations/webhooks/${name}`),
      ].map((name) => `test/${name}.test.ts`);
/** Start, and kill, whole services of their own. */
const SERVICE = ['test/e2e/**/*.test.ts', 'test/embedded/**/*.test.ts', 'test/bootstrap/**/*.test.ts'];

/**
 * A process takes one file after another and imports the application once, which saves a third of the processor
 * time. What a file changes for all of its process (a spy, the clock, the environment) it puts back.
 */
const SHARED_PROCESS = { isolate: false, setupFiles: 'test/support/shared-process.ts' };

export default defineConfig({
  // Vite would take the ESM copy of graphql while every dependency takes the CommonJS one: two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    pool: 'forks',
    // One more than the smallest machines have cores: somebody always waits for a server or a clock.
    maxWorkers: 3,
    sequence: { sequencer: SlowestFirst },
    // A wait that never ends fails, a busy machine does not.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'plain',
          ...SHARED_PROCESS,
          include: ['test/**/*.test.ts'],
          exclude: [...WORKFLOWS, ...ENGINES, ...SERVICE],
        },
      },
      {
        extends: true,
        test: {
          name: 'workflows',
          ...SHARED_PROCESS,
          include: WORKFLOWS,
          globalSetup: 'test/support/servers/test-server-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'engines',
          ...SHARED_PROCESS,
          include: ENGINES,
          globalSetup: 'test/support/servers/engines-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'second-mongo',
          ...SHARED_PROCESS,
          include: SECOND_MONGO,
          globalSetup: 'test/support/servers/engines-setup.ts',
          // A query takes it several times as long as the others.
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        extends: true,
        // Last: each of them has a whole service of its own, or several.
        test: {
          name: 'service',
          include: SERVICE,
          sequence: { groupOrder: 1 },
          // Some of them start Kiln eight times.
          testTimeout: 240_000,
        },
      },
    ],
  },
});
