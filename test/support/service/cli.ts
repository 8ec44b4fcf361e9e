import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';

const ROOT = join(import.meta.dirname, '../../..');

/** Runs `kiln` as a script does, on a data folder. */
export function createCli(dataDir: () => string) {
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, KILN_DATA_DIR: dataDir() };
    const running = promisify(execFile)(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], { env });
    return running.then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
    );
  }

  async function json(...args: string[]) {
    const { code, out, err } = await run(...args, '--json');
    if (code !== 0) throw new Error(`kiln ${args.join(' ')} ended with ${code}: ${err}`);
    return JSON.parse(out);
  }

  return { run, json };
}

/** Asks GraphQL as anybody may. */
export async function askGraphql(url: string, query: string, headers: Record<string, string>) {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return answer.json();
}

/** Where in a whole database a text stands. */
export async function documentsWith(mongoUri: string, text: string): Promise<string[]> {
  const mongo = await MongoClient.connect(mongoUri);
  const found: string[] = [];
  for (const collection of await mongo.db('kiln').collections())
    for (const document of await collection.find().toArray())
      if (JSON.stringify(document).includes(text)) found.push(`${collection.collectionName} ${document._id}`);
  await mongo.close();
  return found;
}
