import type { DialectAdapter } from '../adapter.ts';
import { describeCallback } from './callback.ts';
import { answerKilnError } from './errors.ts';
import { routes } from './routes.ts';

/** SwapMyFile's API: prepare, upload, poll, for one job or for a batch. */
export const adapter: DialectAdapter = { routes, answerKilnError, describeCallback };
