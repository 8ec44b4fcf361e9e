import { inject } from 'vitest';

/** How many times as long as the others the second server takes for a query. */
export const slowness = (): number => (inject('isSecondMongo') ? 4 : 1);

/** How long a test may take of which more is asked than of others, on whichever server it runs. */
export const patience = (ms: number): number => ms * slowness();
