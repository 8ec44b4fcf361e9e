import { afterAll, expect, vi } from 'vitest';

/*
 * Begins each test file of those that share a process (vitest.config.ts): fails a file that leaves the clock, the
 * environment or the working directory changed for those that come after it. Spies go back by themselves.
 */

/** Set by libvips itself, once, where a file is the first of its process to use it. */
const OF_LIBVIPS = 'VIPSHOME';

const environment = { ...process.env };
const folder = process.cwd();

afterAll(() => {
  vi.restoreAllMocks();
  const isFake = vi.isFakeTimers();
  vi.useRealTimers();
  const names = new Set([...Object.keys(environment), ...Object.keys(process.env)]);
  const changed = [...names].filter((name) => process.env[name] !== environment[name] && name !== OF_LIBVIPS);
  expect({ isFake, changed, folder: process.cwd() }).toEqual({ isFake: false, changed: [], folder });
});
