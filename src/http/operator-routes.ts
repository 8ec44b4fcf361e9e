import { Hono } from 'hono';
import { KilnError } from '../domain/errors.ts';
import { inTime } from '../in-time.ts';
import { HOME_CSP, HOME_PAGE } from './home.ts';
import type { Metrics } from './metrics.ts';
import type { HttpEnv } from './signed-path.ts';

/** What the operator's routes report on. */
interface OperatorPorts {
  /** Rejects with the error of the part that does not answer. */
  checkReady(): Promise<void>;
  metrics: Metrics;
}

/** A check that takes longer counts as not ready. */
const READY_MS = 5000;

/** Builds `/health`, `/ready`, `/metrics` and the home page. */
export function operatorRoutes({ checkReady, metrics }: OperatorPorts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.get('/', (c) => c.html(HOME_PAGE, 200, { 'Content-Security-Policy': HOME_CSP }));
  app.get('/health', (c) => c.json({ status: 'ok' }));
  app.get('/metrics', async (c) =>
    c.body(await metrics.read(), 200, { 'Content-Type': metrics.contentType }),
  );
  app.get('/ready', async (c) => {
    c.header('Cache-Control', 'no-store');
    const missing = await missingPart(checkReady());
    return missing === null ? c.json({ status: 'ready' }) : c.json({ status: 'unavailable', missing }, 503);
  });
  return app;
}

/** Returns the name of the part that does not answer; null when all do. */
async function missingPart(check: Promise<void>): Promise<string | null> {
  if (!(await inTime(READY_MS, check))) return 'A part of the service does not answer in time.';
  return check.then(() => null, nameOfPart);
}

/** Names the part by the class of its error, since drivers put addresses into their messages. */
function nameOfPart(error: unknown): string {
  if (error instanceof KilnError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}
