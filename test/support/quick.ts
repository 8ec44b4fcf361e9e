/** Vitest's options for `npm test -- quick`: what answers within five minutes, nothing that kills or races for long. */
export const QUICK = {
  project: ['plain', 'workflows', 'engines'],
  // As on the command line: a plain `exclude` is overruled by the projects.
  cliExclude: [
    'test/operations/crash-*.test.ts',
    'test/operations/jobs/*-{race,database,attempts,crash}.test.ts',
    'test/temporal/*.test.ts',
  ],
};
