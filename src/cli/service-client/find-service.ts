import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../../config.ts';
import { CommandError } from '../terminal/command-error.ts';
import type { AdminService, Service } from './graphql-client.ts';

const runFile = z.object({ url: z.string() });
const credentialsFile = z.object({ apiKey: z.string(), adminToken: z.string() });

/** Where the service is and the key to call it with; commander also reads KILN_URL and KILN_API_KEY. */
export interface ServiceOptions {
  url?: string;
  apiKey?: string;
}

/** The same for the operator; commander also reads KILN_ADMIN_TOKEN. */
export interface AdminOptions extends ServiceOptions {
  adminToken?: string;
}

/** Returns the service that the options name, or the one that runs on this machine's data folder. */
export async function findService({ url, apiKey }: ServiceOptions): Promise<Service> {
  const found = await findUrl(url);
  const known = apiKey ?? (await readCredentials())?.apiKey;
  if (known !== undefined) return { url: found, apiKey: known };
  throw new CommandError('There is no API key to call it with.', {
    hint: 'Give one with KILN_API_KEY (or --api-key).',
    isUsage: true,
  });
}

/** The same with the operator's token. */
export async function findAdminService({ url, adminToken }: AdminOptions): Promise<AdminService> {
  const found = await findUrl(url);
  const known = adminToken ?? (await readCredentials())?.adminToken;
  if (known !== undefined) return { url: found, adminToken: known };
  throw new CommandError('There is no admin token to call it with.', {
    hint: 'Give one with KILN_ADMIN_TOKEN (or --admin-token).',
    isUsage: true,
  });
}

async function findUrl(url: string | undefined): Promise<string> {
  const known = url ?? (await read(join(loadConfig().dataDir, 'run.json'), runFile))?.url;
  if (known !== undefined) return requireUrl(known);
  throw new CommandError('No Kiln runs on this data folder.', {
    hint: 'Start one with `npm start`, or name one with --url (or KILN_URL).',
    isUsage: true,
  });
}

function requireUrl(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text.replace(/\/+$/, '');
  throw new CommandError(`"${text}" is not a URL.`, {
    hint: 'Give one such as http://127.0.0.1:4000 with --url (or KILN_URL).',
    isUsage: true,
  });
}

function readCredentials(): Promise<z.output<typeof credentialsFile> | undefined> {
  return read(join(loadConfig().dataDir, 'credentials.json'), credentialsFile);
}

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
