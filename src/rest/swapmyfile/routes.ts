import type { IncomingMessage } from 'node:http';
import type { Hono } from 'hono';
import type { Caller } from '../../domain/access/account.ts';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import { senderOf } from '../../http/credential.ts';
import type { DialectEnv, DialectOperations, DialectPorts } from '../adapter.ts';
import { swapmyfileJob } from './job.ts';
import { parseBatchPrepare, parsePrepare } from './request.ts';
import { batchView, ownersView, preparedBatch, preparedJob } from './response.ts';

/** Registers SwapMyFile's routes: prepare and poll, for one job or for a batch. */
export function routes(app: Hono<DialectEnv>, ports: DialectPorts): void {
  const { submitJob, findJob, jobOfSignedToken, links } = ports.operations;

  app.post('/uploads/prepare', async (c) => {
    const caller = await identify(ports, c.req.raw, c.env.incoming);
    await limitGuest(ports.operations, caller, c.env.incoming);
    const { job: request, uploadMode } = parsePrepare(await c.req.text());
    if (caller.kind === 'anonymous' && request.callback) throw refuseCallback();
    const owner = caller.kind === 'anonymous' ? ({ kind: 'guest', guestId: newId() } as const) : caller;
    // Without a credential each call is a new guest, so a repeat cannot be told from somebody else's request.
    const keyed = caller.kind === 'anonymous' ? {} : idempotencyOf(c.req.raw.headers);
    const submitted = await submitJob(owner, { ...request, ...keyed }, senderOf(c.env.incoming));
    const guestId = owner.kind === 'guest' ? owner.guestId : undefined;
    return c.json(preparedJob(submitted, { uploadMode, guestId }, ports), 201);
  });

  app.post('/uploads/batch/prepare', async (c) => {
    const caller = await identifyAccount(ports, c.req.raw, c.env.incoming);
    const { label, jobs } = parseBatchPrepare(await c.req.text());
    const request = {
      ...({ dialect: 'swapmyfile', label, jobs: jobs.map(({ job }) => job) } as const),
      ...idempotencyOf(c.req.raw.headers),
    };
    const submitted = await ports.operations.submitBatch(caller, request, senderOf(c.env.incoming));
    return c.json(preparedBatch(submitted, jobs, ports), 201);
  });

  app.get('/job-batches/:batchId', async (c) => {
    c.header('Cache-Control', 'no-store');
    const caller = await identifyAccount(ports, c.req.raw, c.env.incoming);
    const batch = await ports.operations.findBatch(caller, c.req.param('batchId'), 'swapmyfile');
    return c.json({ batch: batchView(batch, await ports.operations.jobsOf(batch), ports) });
  });

  app.get('/jobs/:jobId', async (c) => {
    c.header('Cache-Control', 'no-store');
    const id = c.req.param('jobId');
    const credential = ports.credentialOf(c.req.raw);
    const tokens = c.req.queries('token') ?? [];
    if (credential || tokens.length === 0) {
      const caller = await identify(ports, c.req.raw, c.env.incoming);
      if (caller.kind === 'anonymous') throw needsKey();
      const job = await findJob(caller, id, 'swapmyfile');
      const queuePosition = await ports.operations.queuePositionOf(job);
      return c.json({
        job: { ...ownersView(job, ports), ...(queuePosition !== null && { queuePosition }) },
      });
    }
    requireStatusToken(links, tokens, id);
    return c.json({ job: swapmyfileJob(await jobOfSignedToken(id, 'swapmyfile')) });
  });
}

/** Authenticates the caller. Each call of an account counts against its rate limit. */
async function identify(
  { operations, credentialOf }: DialectPorts,
  request: Request,
  incoming: IncomingMessage,
): Promise<Caller> {
  const sender = senderOf(incoming);
  const caller = await operations.authenticate(credentialOf(request), sender);
  if (caller.kind === 'account') await operations.checkRateLimit(caller, sender, { api: 'swapmyfile' });
  return caller;
}

/** Authenticates the owner of a batch, by a key or a session: batches have no status tokens and no guests. */
async function identifyAccount(
  ports: DialectPorts,
  request: Request,
  incoming: IncomingMessage,
): Promise<Caller> {
  const caller = await identify(ports, request, incoming);
  if (caller.kind === 'account') return caller;
  const code = caller.kind === 'guest' ? 'FORBIDDEN' : 'UNAUTHENTICATED';
  throw new KilnError(code, 'Batches need the API key or the session of a Pro account.', {
    hint: 'Send the key in the X-API-Key header, or the session token as Bearer.',
  });
}

/** Returns the idempotency key of the request, if it has one. */
function idempotencyOf(headers: Headers): { idempotencyKey?: string } {
  const idempotencyKey = headers.get('Idempotency-Key');
  return idempotencyKey === null ? {} : { idempotencyKey };
}

/** Counts a prepare of a guest against the rate limit; polling is not limited. */
async function limitGuest(
  { checkRateLimit }: DialectOperations,
  caller: Caller,
  incoming: IncomingMessage,
): Promise<void> {
  if (caller.kind !== 'account') await checkRateLimit(caller, senderOf(incoming), { api: 'swapmyfile' });
}

/** Throws unless the token is for this very job. */
function requireStatusToken(
  links: DialectOperations['links'],
  tokens: readonly string[],
  jobId: string,
): void {
  const [token = ''] = tokens;
  const subject = tokens.length === 1 ? links.subjectOf('job-status', token) : null;
  if (subject === null || subject === 'expired') {
    throw new KilnError('UNAUTHENTICATED', 'The token is not valid or has expired.');
  }
  if (subject !== jobId) throw new KilnError('NOT_FOUND', 'There is no such job.');
}

/** Returns the error for a callback without a credential: 401, since a plan may allow it after a login. */
function refuseCallback(): KilnError {
  return new KilnError('UNAUTHENTICATED', 'Callbacks need the API key of a Pro account.', {
    field: 'callbackUrl',
    hint: 'Send it in the X-API-Key header.',
  });
}

function needsKey(): KilnError {
  return new KilnError(
    'UNAUTHENTICATED',
    'This needs an API key, a guest token or the status token of the job.',
    {
      hint: 'Send a key in the X-API-Key header, a guest token as Bearer, or the status token as ?token=.',
    },
  );
}
