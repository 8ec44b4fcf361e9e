import { credentialOf } from '../../credential.ts';
import type { Caller } from '../../domain/account.ts';
import { swapmyfileJob } from '../../domain/callback-payload.ts';
import { ConversionError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import type { Credential } from '../../operations/authenticate.ts';
import type { DialectAdapter, DialectOperations } from '../adapter.ts';
import { answerFault } from './errors.ts';
import { parsePrepare } from './request.ts';
import { ownersView, preparedJob } from './response.ts';

const API_PLANS: readonly string[] = ['pro', 'enterprise'];

/** SwapMyFile's single-job flow: prepare, upload, poll. */
export const swapmyfile: DialectAdapter = {
  name: 'swapmyfile',
  answerFault,

  routes(app, ports) {
    const { authenticate, submitJob, findJob, jobOfSignedToken, links } = ports.operations;

    app.post('/uploads/prepare', async (c) => {
      const caller = await identify(authenticate, credentialOf(c.req.raw.headers));
      const { job: wish, uploadMode } = parsePrepare(await c.req.text());
      if (caller.kind !== 'account' && wish.callback) throw refuseCallback(caller);
      const owner = caller.kind === 'anonymous' ? ({ kind: 'guest', guestId: newId() } as const) : caller;
      const submitted = await submitJob(owner, wish);
      const guestId = owner.kind === 'guest' ? owner.guestId : undefined;
      return c.json(preparedJob(submitted, { uploadMode, guestId }, ports), 201);
    });

    app.get('/jobs/:jobId', async (c) => {
      c.header('Cache-Control', 'no-store');
      const id = c.req.param('jobId');
      const credential = credentialOf(c.req.raw.headers);
      const tokens = c.req.queries('token') ?? [];
      if (credential || tokens.length === 0) {
        const caller = await identify(authenticate, credential);
        if (caller.kind === 'anonymous') throw needsKey();
        return c.json({ job: ownersView(await findJob(caller, id, 'swapmyfile'), ports) });
      }
      requireStatusToken(links, tokens, id);
      return c.json({ job: swapmyfileJob(await jobOfSignedToken(id, 'swapmyfile')) });
    });
  },
};

/** Guests may use the single-job flow; an account may do so by key only where its plan opens the API. */
async function identify(
  authenticate: DialectOperations['authenticate'],
  credential: Credential,
): Promise<Caller> {
  const caller = await authenticate(credential);
  if (caller.kind === 'account' && !API_PLANS.includes(caller.plan)) {
    throw new ConversionError('FORBIDDEN', `The API is not part of the ${caller.plan} plan.`, {
      hint: 'Upgrade the account to Pro.',
    });
  }
  return caller;
}

/** A token opens the state of one job; for every other job it is as good as none. */
function requireStatusToken(
  links: DialectOperations['links'],
  tokens: readonly string[],
  jobId: string,
): void {
  const [token = ''] = tokens;
  const subject = tokens.length === 1 ? links.subjectOf('job-status', token) : null;
  if (subject === null || subject === 'expired') {
    throw new ConversionError('UNAUTHENTICATED', 'The token is not valid or has expired.');
  }
  if (subject !== jobId) throw new ConversionError('NOT_FOUND', 'There is no such job.');
}

/** Who shows nothing may still log in; a guest may not, whatever they show. */
function refuseCallback({ kind }: Caller): ConversionError {
  return kind === 'anonymous'
    ? new ConversionError('UNAUTHENTICATED', 'Callbacks need the API key of a Pro account.', {
        field: 'callbackUrl',
        hint: 'Send it in the X-API-Key header.',
      })
    : new ConversionError('FORBIDDEN', 'Callbacks need a Pro account.', { field: 'callbackUrl' });
}

function needsKey(): ConversionError {
  return new ConversionError(
    'UNAUTHENTICATED',
    'This needs an API key, a guest token or the status token of the job.',
    {
      hint: 'Send a key in the X-API-Key header, a guest token as Bearer, or the status token as ?token=.',
    },
  );
}
