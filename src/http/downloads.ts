import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import type { ByteRange } from '../blobs/blob-store.ts';
import { KilnError } from '../domain/errors.ts';
import type { StoredFile } from '../domain/files/file.ts';
import type { createFiles } from '../operations/files/files.ts';
import type { Links } from '../secrets/links.ts';
import { parseByteRange } from './byte-range.ts';
import { attachment } from './content-disposition.ts';
import { answerError, answerMethod } from './errors.ts';
import { type HttpEnv, matchSignedPath, refuseLink } from './signed-path.ts';

/** The operations that the download routes need. */
export interface DownloadPorts extends Pick<ReturnType<typeof createFiles>, 'fileOfSignedLink' | 'readFile'> {
  links: Pick<Links, 'subjectOf'>;
}

const LINK = /^\/downloads\/signed\/([\w.-]+)(?:\/([^/?]+))?$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;
const EXPOSED = ['Accept-Ranges', 'Content-Disposition', 'Content-Length', 'Content-Range', 'ETag'];

/** Builds the routes that serve results: by signed links that need no key, as attachments that run nothing. */
export function downloadRoutes({ fileOfSignedLink, readFile, links }: DownloadPorts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(
    '/downloads/signed/*',
    cors({ origin: '*', allowMethods: ['GET', 'HEAD', 'OPTIONS'], exposeHeaders: EXPOSED, maxAge: 86_400 }),
  );

  async function fileOf(incoming: HttpEnv['Bindings']['incoming']): Promise<StoredFile> {
    const [token = '', name] = matchSignedPath(incoming, LINK);
    const subject = links.subjectOf('download', token);
    if (subject === 'expired')
      throw new KilnError('EXPIRED', 'The link has expired.', {
        hint: 'Ask for the job again to get a fresh one.',
      });
    const file = await fileOfSignedLink(subject ?? refuseLink());
    // The name is not signed: a link must not pass for that of another file.
    if (name !== undefined && decode(name) !== file.filename.toWellFormed()) refuseLink();
    return file;
  }

  async function download(c: Context<HttpEnv>): Promise<Response> {
    const file = await fileOf(c.env.incoming);
    if (matchesAny(c.req.header('If-None-Match'), etagOf(file))) {
      return new Response(null, { status: 304, headers: headersOf(file) });
    }
    const range = rangeOf(c, file);
    if (range === 'unsatisfiable') return answerUnsatisfiable(file);
    const isEmpty = c.req.method === 'HEAD' || file.size === 0;
    const bytes = isEmpty
      ? null
      : (Readable.toWeb(await readFile(file, range === 'whole' ? undefined : range)) as ReadableStream);
    return range === 'whole'
      ? new Response(bytes, { headers: { ...headersOf(file), ...lengthOf(file.size) } })
      : new Response(bytes, {
          status: 206,
          headers: { ...headersOf(file), ...partOf(file, range) },
        });
  }

  for (const path of ['/downloads/signed/:token', '/downloads/signed/:token/:filename']) {
    app.get(path, download);
    app.all(path, () => answerMethod('GET', 'HEAD'));
  }
  return app;
}

/** Reads the range; returns `whole` if If-Range shows that the sender has parts of other bytes. */
function rangeOf(c: Context<HttpEnv>, file: StoredFile): ByteRange | 'whole' | 'unsatisfiable' {
  const condition = c.req.header('If-Range');
  if (condition !== undefined && condition !== etagOf(file)) return 'whole';
  return parseByteRange(c.req.header('Range'), file.size);
}

function headersOf(file: StoredFile): Record<string, string> {
  return {
    'Content-Type': MEDIA_TYPE.test(file.mime) ? file.mime : 'application/octet-stream',
    'Content-Disposition': attachment(file.filename),
    'Content-Security-Policy': "default-src 'none'; sandbox",
    // Pages of other origins may fetch a result with its link, as the CORS headers say.
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Cache-Control': 'private, no-transform',
    'Accept-Ranges': 'bytes',
    ETag: etagOf(file),
  };
}

function lengthOf(bytes: number): Record<string, string> {
  return { 'Content-Length': String(bytes) };
}

function partOf({ size }: StoredFile, { start, end }: ByteRange): Record<string, string> {
  return { ...lengthOf(end - start + 1), 'Content-Range': `bytes ${start}-${end}/${size}` };
}

function etagOf({ sha256 }: StoredFile): string {
  return `"${sha256}"`;
}

function matchesAny(list: string | undefined, etag: string): boolean {
  return (list ?? '')
    .split(',')
    .some((entry) => entry.trim() === '*' || entry.trim().replace(/^W\//, '') === etag);
}

function answerUnsatisfiable({ size }: StoredFile): Response {
  const headers = { 'Content-Range': `bytes */${size}` };
  return answerError({
    status: 416,
    code: 'RANGE_NOT_SATISFIABLE',
    message: `The file has ${size} bytes; the range lies outside.`,
    headers,
  });
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
