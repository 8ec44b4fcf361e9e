import { defineConfig } from 'vitest/config';

/** What needs no engine, what needs the time-skipping Temporal server, and what needs real engines. */
const WORKFLOW = 'test/workflow/**/*.test.ts';
const ENGINES = ['test/store', 'test/activity', 'test/e2e'].map((folder) => `${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    pool: 'forks',
    // As small as the machines that this runs on; the engines need a share as well.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: 'plain', include: ['test/**/*.test.ts'], exclude: [WORKFLOW, ...ENGINES] },
      },
      {
        extends: true,
        test: { name: 'workflow', include: [WORKFLOW], globalSetup: 'test/support/test-server-setup.ts' },
      },
      {
        extends: true,
        test: { name: 'engines', include: ENGINES, globalSetup: 'test/support/engines-setup.ts' },
      },
    ],
  },
});
