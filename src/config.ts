import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { describeVariable, VARIABLES } from './config/variables.ts';
import { type Dialect, type PublicUrlVariable, REST_DIALECTS, restRowOf } from './domain/dialect.ts';

/** An invalid configuration, with all its errors; the message is meant for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Open uploads of the guests of one address, who have a browser or a few. */
const GUEST_OPEN_UPLOADS = 20;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Parsed = { [K in keyof typeof VARIABLES]?: z.output<(typeof VARIABLES)[K]['schema']> };

export interface Config {
  host: string;
  port: number;
  /** Base of absolute URLs; undefined means http://host:port as bound. */
  publicUrl: string | undefined;
  /** The same for the dialects that have an origin of their own. */
  publicUrls: Readonly<Partial<Record<Dialect, string>>>;
  dataDir: string;
  cacheDir: string;
  logLevel: string;
  mongoUri: string | undefined;
  temporal: {
    address: string | undefined;
    namespace: string;
    apiKey: string | undefined;
    queuePrefix: string;
    synchronous: 'NORMAL' | 'FULL';
  };
  /** The name of this build among those whose workers run; if undefined, it is named by its code. */
  buildId: string | undefined;
  masterKeys: Uint8Array[] | undefined;
  /** The login server (OIDC) whose tokens are accepted; undefined if none is. */
  oidc: { issuer: string; audience: string; jwksUrl: string | undefined; accountClaim: string } | undefined;
  adminToken: string | undefined;
  allowedNetworks: string[];
  /** The proxies whose X-Forwarded-For is trusted. */
  trustedProxies: string[];
  concurrency: { image: number; io: number; webhook: number };
  /** Lifetimes, and the time between two sweeps that remove what is past them. */
  retention: { uploadMs: number; fileMs: number; jobMs: number; deliveryMs: number; sweepMs: number };
  limits: {
    uploadBytes: number;
    /** Most uploads that may be open at a time. */
    openUploads: { account: number; guest: number };
    pixels: number;
    frames: number;
    engineMs: number;
    engineMemoryBytes: number;
  };
}

/**
 * Reads the environment once, for the whole process.
 * @throws ConfigError that names every invalid variable, its format and an example.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const values = parse(env);
  const host = values.KILN_HOST ?? '127.0.0.1';
  return {
    host,
    port: values.KILN_PORT ?? 4000,
    publicUrl: originOf(values.KILN_PUBLIC_URL),
    publicUrls: publicUrlsOf(values),
    dataDir: resolve(values.KILN_DATA_DIR ?? '.kiln'),
    cacheDir: resolve(values.KILN_CACHE_DIR ?? join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kiln')),
    logLevel: values.KILN_LOG_LEVEL ?? 'info',
    mongoUri: values.MONGODB_URI,
    temporal: temporalOf(values),
    buildId: values.KILN_BUILD_ID,
    masterKeys: values.KILN_MASTER_KEY,
    adminToken: values.KILN_ADMIN_TOKEN,
    oidc: oidcOf(values),
    allowedNetworks: values.KILN_ALLOWED_NETWORKS ?? defaultAllowedNetworks(values, host),
    trustedProxies: values.KILN_TRUSTED_PROXIES ?? [],
    concurrency: {
      image: values.KILN_CONCURRENCY_IMAGE ?? availableParallelism(),
      io: values.KILN_CONCURRENCY_IO ?? 50,
      webhook: values.KILN_CONCURRENCY_WEBHOOK ?? 200,
    },
    retention: retentionOf(values),
    limits: limitsOf(values),
  };
}

function originOf(url: string | undefined): string | undefined {
  return url?.replace(/\/+$/, '');
}

function publicUrlsOf(values: Parsed): Config['publicUrls'] {
  const urls = REST_DIALECTS.map((dialect) => {
    const { publicUrlVariable } = restRowOf(dialect);
    return [dialect, originOf(values[publicUrlVariable as PublicUrlVariable])] as const;
  });
  return Object.fromEntries(urls.filter(([, url]) => url !== undefined));
}

function retentionOf(values: Parsed): Config['retention'] {
  const uploadMs = (values.KILN_RETENTION_UPLOAD_MINUTES ?? 60) * MINUTE_MS;
  const fileMs = (values.KILN_RETENTION_FILE_HOURS ?? 24) * HOUR_MS;
  return {
    uploadMs: values.KILN_RETENTION_UPLOADS ?? uploadMs,
    fileMs: values.KILN_RETENTION_FILES ?? fileMs,
    jobMs: values.KILN_RETENTION_JOBS ?? 30 * DAY_MS,
    deliveryMs: values.KILN_RETENTION_DELIVERIES ?? 30 * DAY_MS,
    sweepMs: values.KILN_RETENTION_SWEEP ?? 10 * MINUTE_MS,
  };
}

function temporalOf(values: Parsed): Config['temporal'] {
  return {
    address: values.TEMPORAL_ADDRESS,
    namespace: values.TEMPORAL_NAMESPACE ?? 'default',
    apiKey: values.TEMPORAL_API_KEY,
    queuePrefix: values.KILN_QUEUE_PREFIX ?? 'kiln',
    synchronous: values.KILN_TEMPORAL_SYNCHRONOUS ?? 'NORMAL',
  };
}

/** Needs an audience: without one, a token made for any other service would be accepted as well. */
function oidcOf(values: Parsed): Config['oidc'] {
  const { KILN_OIDC_ISSUER: issuer, KILN_OIDC_AUDIENCE: audience, KILN_OIDC_JWKS_URL: jwksUrl } = values;
  if (issuer === undefined || audience === undefined) return undefined;
  return { issuer, audience, jwksUrl, accountClaim: values.KILN_OIDC_ACCOUNT_CLAIM ?? 'kiln_account' };
}

function limitsOf(values: Parsed): Config['limits'] {
  return {
    uploadBytes: values.KILN_LIMIT_UPLOAD_BYTES ?? 2 * 2 ** 30,
    openUploads: { account: values.KILN_LIMIT_OPEN_UPLOADS ?? 5000, guest: GUEST_OPEN_UPLOADS },
    pixels: values.KILN_LIMIT_PIXELS ?? 100_000_000,
    frames: values.KILN_LIMIT_FRAMES ?? 1000,
    engineMs: (values.KILN_LIMIT_ENGINE_SECONDS ?? 120) * 1000,
    engineMemoryBytes: (values.KILN_LIMIT_ENGINE_MEMORY_MB ?? 2048) * 2 ** 20,
  };
}

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/**
 * Returns the endpoints and keys that `npm run server` and `npm run worker` share with other processes.
 * @throws ConfigError naming every variable that is missing.
 */
export function sharedEndpoints({ mongoUri, temporal, masterKeys, adminToken, publicUrl }: Config) {
  const temporalAddress = temporal.address;
  if (mongoUri && temporalAddress && masterKeys && publicUrl)
    return { mongoUri, temporalAddress, masterKeys, adminToken, refusedPorts: [] };
  const missing: (keyof typeof VARIABLES)[] = [];
  if (!mongoUri) missing.push('MONGODB_URI');
  if (!temporalAddress) missing.push('TEMPORAL_ADDRESS');
  if (!masterKeys) missing.push('KILN_MASTER_KEY');
  // Every process builds links from it; the default would lead to this process's own loopback address.
  if (!publicUrl) missing.push('KILN_PUBLIC_URL');
  throw new ConfigError(
    'This process needs these variables as well; `npm start` provides them for one machine:\n' +
      missing.map((name) => describeVariable(name)).join('\n'),
  );
}

/** Allows loopback receivers for trying things out, but not for a service that others can reach. */
function defaultAllowedNetworks(values: Parsed, host: string): string[] {
  const embedded = !values.MONGODB_URI || !values.TEMPORAL_ADDRESS;
  return embedded && isLoopbackHost(host) ? ['127.0.0.0/8', '::1/128'] : [];
}

function parse(env: Record<string, string | undefined>): Parsed {
  const values: Record<string, unknown> = {};
  const errors: string[] = [];
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const raw = env[name];
    if (raw === undefined || raw === '') continue;
    const result = variable.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else errors.push(describeVariable(name as keyof typeof VARIABLES));
  }
  const isWanted = (name: keyof typeof VARIABLES) => env[name] !== undefined && env[name] !== '';
  const pair = ['KILN_OIDC_ISSUER', 'KILN_OIDC_AUDIENCE'] as const;
  if (pair.filter(isWanted).length === 1)
    errors.push(...pair.filter((name) => !isWanted(name)).map(describeVariable));
  if (errors.length > 0) throw new ConfigError(`The configuration is invalid:\n${errors.join('\n')}`);
  return values as Parsed;
}
