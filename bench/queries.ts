import { createConversions } from '../src/cli/commands/jobs/conversions.ts';
import type { Bench, Row } from './bench.ts';

const JOB =
  'id jobId status seq warnings createdAt updatedAt finishedAt progress { percent stage } inputs { filename mime size } conversions { source target } outputs { filename downloadUrl }';
const aliases = (count: number, field: string) =>
  Array.from({ length: count }, (_, i) => `a${i}: ${field}`).join(' ');

/** The most expensive queries that the limits allow without a key. */
const KEYLESS = [
  '{ formats { targets { id name category mime } } }',
  '{ formats { targets { id name extensions readable } } }',
  '{ formats { targets { id name category mime } optionsSchema } }',
  `{ ${aliases(11, 'formats { optionsSchema }')} }`,
  `{ ${aliases(5, 'formats { targets { id } }')} }`,
  `{ ${aliases(30, 'formats { id name category extensions mime readable writable }')} }`,
  `{ ${aliases(30, 'plans { name }')} }`,
  `{ ${aliases(30, 'me { kind usage { __typename } }')} }`,
  `{ ${aliases(25, 'formats(category: IMAGE) { id name mime extensions category }')} }`,
  `{ me { ${'kind '.repeat(60)} } }`,
];
/** The same with a key. */
const KEYED = [
  `{ jobs(first: 100) { edges { node { ${JOB} } } } }`,
  '{ jobs(first: 100) { edges { node { events { seq } } } } }',
  '{ jobs(first: 50) { edges { node { deliveries(first: 25) { edges { cursor } } } } } }',
  '{ jobs(first: 100) { edges { node { batch { batchId } queuePosition } } } }',
  '{ batches(first: 90) { edges { node { jobs(count: 50) { id } } } } }',
  '{ files(first: 100) { edges { node { id } } } }',
  '{ webhookDeliveries(first: 100) { edges { node { body attempts { status responseHead } } } } }',
  `{ ${aliases(30, 'jobs(first: 50) { edges { cursor } }')} }`,
  `{ ${aliases(30, 'account { keys { name scopes } }')} }`,
  `{ ${aliases(5, 'formats { targets { id } }')} jobs(first: 5) { edges { node { id } } } }`,
];

/** Measures how long another connection waits at most while the most expensive legal queries are answered. */
export const bench: Bench = {
  name: 'queries',
  about: 'how long the dearest legal queries keep everybody else',
  async run({ kiln }) {
    const rows: Row[] = [];
    await createJobs(kiln);
    for (const [who, queries, key] of [
      ['no key', KEYLESS, undefined],
      ['a key', KEYED, kiln.apiKey],
    ] as const)
      for (const query of queries) rows.push(await measure(kiln.url, who, query, key));
    return rows;
  },
};

async function createJobs(service: Parameters<typeof createConversions>[0]): Promise<void> {
  const conversions = createConversions(service);
  const upload = { filename: 'a.png', mime: 'image/png', size: 1 };
  for (let i = 0; i < 40; i += 1) await conversions.create({ upload, target: 'jpg' });
  await conversions.close();
}

async function measure(url: string, who: string, query: string, apiKey: string | undefined): Promise<Row> {
  const headers = { 'Content-Type': 'application/json', ...(apiKey && { 'X-API-Key': apiKey }) };
  const ask = async () => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  await ask();
  const quiet = await slowestProbe(url, new Promise((resolve) => setTimeout(resolve, 200)));
  const began = performance.now();
  const asked = ask();
  const slowest = await slowestProbe(url, asked);
  const { status, text } = await asked;
  const ms = Math.round(performance.now() - began);
  return {
    what: `${who}: ${query.slice(0, 60)}`,
    figure: Math.round(slowest),
    unit: 'ms',
    target: { atMost: 50 },
    bare: { what: 'nothing else', figure: Math.round(quiet) },
    note: `${status} after ${ms} ms, ${text.length} bytes${text.startsWith('{"errors"') ? `: ${text.slice(0, 90)}` : ''}`,
  };
}

/** Returns the longest time that /health took, in milliseconds, until `until` settles. */
async function slowestProbe(url: string, until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  let slowest = 0;
  do {
    const began = performance.now();
    await (await fetch(`${url}/health`)).text();
    slowest = Math.max(slowest, performance.now() - began);
  } while (!isOver);
  return slowest;
}
