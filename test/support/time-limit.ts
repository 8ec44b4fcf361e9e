import { inject } from 'vitest';

/** Returns how many times as long as the embedded server the second one takes for a query. */
export const slowness = (): number => (inject('isSecondMongo') ? 4 : 1);

/** Returns the time limit, in milliseconds, of a test that would take at most `ms` on the embedded server. */
export const timeLimit = (ms: number): number => ms * slowness();
