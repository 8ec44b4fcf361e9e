import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../config.ts';
import { CommandError } from './command-error.ts';
import type { Service } from './graphql-client.ts';

const runFile = z.object({ url: z.string() });
const credentialsFile = z.object({ apiKey: z.string() });

/** What the user said of the service; commander also takes it from KILN_URL and KILN_API_KEY. */
export interface ServiceOptions {
  url?: string;
  apiKey?: string;
}

/** The service that was named, or the one that runs on this machine's data folder. */
export async function findService({ url, apiKey }: ServiceOptions): Promise<Service> {
  const { dataDir } = loadConfig();
  const service = {
    url: url ?? (await read(join(dataDir, 'run.json'), runFile))?.url,
    apiKey: apiKey ?? (await read(join(dataDir, 'credentials.json'), credentialsFile))?.apiKey,
  };
  if (service.url === undefined) {
    throw new CommandError('No Kiln runs on this data folder.', {
      hint: 'Start one with `npm start`, or name one with --url (or KILN_URL).',
    });
  }
  if (service.apiKey === undefined) {
    throw new CommandError('There is no API key to call it with.', {
      hint: 'Give one with KILN_API_KEY (or --api-key).',
    });
  }
  return { url: service.url.replace(/\/+$/, ''), apiKey: service.apiKey };
}

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
