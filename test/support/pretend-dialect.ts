import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PROJECT = join(import.meta.dirname, '..', '..');
const SOURCES = ['activities', 'schema', 'src', 'test', 'workflows', 'package.json'];

/** As a newcomer would write it into the table. It differs from its neighbours wherever it can. */
const ROW = `
  pretend: {
    product: 'Pretend',
    description: 'An API that nobody has.',
    enumValue: 'PRETEND',
    key: { name: 'pretend', prefix: 'pre_live_' },
    credentials: { headers: ['X-Pretend-Key'], query: 'pretend_key' },
    plan: { term: 'pretendApi', rule: 'PRETEND_ACCESS', plans: ['enterprise'], hint: 'Pretend to be larger.' },
    webhook: {
      schedule: {
        delaysMs: [0, 7],
        timeoutMs: 1000,
        jitterShare: 0,
        honoursRetryAfter: false,
        goneDisables: false,
        honoursAbort: false,
      },
      headers: { event: null, subject: 'x-pretend-job', signature: { name: 'x-pretend-signature', prefix: 'v1=' } },
    },
    rest: {
      publicUrlVariable: 'KILN_PUBLIC_URL_PRETEND',
      maxBodyBytes: 2 * MEBIBYTE,
      pathsAsReceived: /^\\/pretend\\/signed\\//,
      cors: { origin: 'https://page.example', headers: ['X-Pretend-Key'] },
      firstCalls: ['POST /pretend'],
    },
  },
`;

const ADAPTER = `
import type { DialectAdapter } from '../adapter.ts';
import { senderOf } from '../../http/credential.ts';

export const adapter: DialectAdapter = {
  routes(app, { operations, credentialOf, publicUrl }) {
    app.post('/pretend', async (c) => {
      const sender = senderOf(c.env.incoming);
      const caller = await operations.authenticate(credentialOf(c.req.raw), sender);
      await operations.checkRateLimit(caller, sender, { api: 'pretend' });
      const { filename } = await c.req.json();
      const input = { upload: { filename, mime: 'image/png', size: 5 } };
      const { job } = await operations.submitJob(caller, { dialect: 'pretend', target: 'webp', input }, sender);
      return c.json({ jobId: job._id, dialect: job.dialect, at: publicUrl() });
    });
    app.get('/pretend/signed/:rest{.+}', (c) => c.text(c.req.path));
  },
  answerKilnError: (error) => new Response('pretend: ' + error.code, { status: 418 }),
  describeCallback: ({ job, urlOf }) => ({
    event: 'pretend.over',
    body: JSON.stringify({ over: job._id, results: job.outputs.map(urlOf) }),
  }),
};
`;

/** Where the table of dialects ends. */
const END = '\n} as const satisfies Readonly<Record<string, DialectRow>>;';

/**
 * A copy of the sources with a dialect that nobody has: one more row in the table and one more folder.
 * Everything else is as it is; `load` gives a module of the copy.
 */
export async function createPretendSources() {
  const root = await mkdtemp(join(tmpdir(), 'kiln-pretend-'));
  await Promise.all(SOURCES.map((name) => cp(join(PROJECT, name), join(root, name), { recursive: true })));
  await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  const table = join(root, 'src/domain/dialect.ts');
  const [rows, rest, ...others] = (await readFile(table, 'utf8')).split(END);
  if (rest === undefined || others.length > 0) throw new Error('The table of dialects ends otherwise now.');
  await writeFile(table, [rows, ROW, END.trimStart(), rest].join(''));
  await mkdir(join(root, 'src/rest/pretend'));
  await writeFile(join(root, 'src/rest/pretend/adapter.ts'), ADAPTER);
  return {
    root,
    // biome-ignore lint/suspicious/noExplicitAny: The copy has a dialect more than the types of this test know.
    load: (path: string): Promise<any> => import(pathToFileURL(join(root, path)).href),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

export type PretendSources = Awaited<ReturnType<typeof createPretendSources>>;
