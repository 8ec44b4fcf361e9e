import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { BlobInfo } from '../blobs/blob-store.ts';
import { KilnError, raisedBy } from '../domain/errors.ts';
import type { createCompleteUpload } from '../operations/files/complete-upload.ts';
import type { createReceiveUpload } from '../operations/files/receive-upload.ts';
import type { Links } from '../secrets/links.ts';
import { answerMethod } from './errors.ts';
import { MAX_OVERHEAD_BYTES, receiveFormFile } from './form-file.ts';
import { bodyOf } from './request-body.ts';
import { type HttpEnv, matchSignedPath, refuseLink } from './signed-path.ts';

/** The operations that the upload routes need. */
export interface UploadPorts {
  receiveUpload: ReturnType<typeof createReceiveUpload>;
  completeUpload: ReturnType<typeof createCompleteUpload>;
  links: Pick<Links, 'subjectOf'>;
}

const PUT_LINK = /^\/_kiln\/uploads\/([\w.-]+)$/;
const FORM_LINK = /^\/_kiln\/uploads\/([\w.-]+)\/form$/;
const COMPLETE_LINK = /^\/_kiln\/uploads\/([\w.-]+)\/complete$/;

/** Builds the routes that take uploads. A signed link needs no key, so browsers of any origin may use it. */
export function uploadRoutes(
  { receiveUpload, completeUpload, links }: UploadPorts,
  maxBytes: number,
): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(
    '/_kiln/uploads/*',
    cors({ origin: '*', allowMethods: ['PUT', 'POST', 'OPTIONS'], maxAge: 86_400 }),
  );

  function uploadOf(
    incoming: HttpEnv['Bindings']['incoming'],
    form: RegExp,
    purpose: 'upload' | 'complete',
  ): string {
    const [token = ''] = matchSignedPath(incoming, form);
    const subject = links.subjectOf(purpose, token);
    return subject === null || subject === 'expired' ? refuseLink() : subject;
  }

  app.put('/_kiln/uploads/:token', async (c) => {
    const id = uploadOf(c.env.incoming, PUT_LINK, 'upload');
    refuseHopeless(c.req.header('content-length'), maxBytes);
    const { size } = await receiveBody(c.env.incoming, (body) => receiveUpload(id, body));
    return c.json({ status: 'received', size });
  });

  app.post('/_kiln/uploads/:token/form', async (c) => {
    const id = uploadOf(c.env.incoming, FORM_LINK, 'upload');
    refuseHopeless(c.req.header('content-length'), maxBytes + MAX_OVERHEAD_BYTES);
    const { size } = await receiveFormFile(c.env.incoming, (file) => receiveUpload(id, file));
    await completeUpload(null, id);
    return c.json({ status: 'completed', size });
  });

  app.post('/_kiln/uploads/:token/complete', async (c) => {
    const { first } = await completeUpload(null, uploadOf(c.env.incoming, COMPLETE_LINK, 'complete'));
    return c.json({ status: first ? 'completed' : 'already_completed' });
  });

  app.all('/_kiln/uploads/:token', () => answerMethod('PUT'));
  app.all('/_kiln/uploads/:token/:step{form|complete}', () => answerMethod('POST'));
  return app;
}

/** Streams the body into `store`, and stops reading when that ends, so that the answer does not wait for the rest. */
async function receiveBody(
  incoming: HttpEnv['Bindings']['incoming'],
  store: (body: ReturnType<typeof bodyOf>) => Promise<BlobInfo>,
): Promise<BlobInfo> {
  const body = bodyOf(incoming);
  try {
    return await store(body);
  } finally {
    body.destroy();
  }
}

/** Throws TOO_LARGE for a declared length that no upload may have, before its first byte is read. */
function refuseHopeless(contentLength: string | undefined, maxBytes: number): void {
  if (Number(contentLength ?? 0) <= maxBytes) return;
  throw new KilnError('TOO_LARGE', `An upload may have at most ${maxBytes} bytes.`, {
    hint: raisedBy('KILN_LIMIT_UPLOAD_BYTES'),
  });
}
