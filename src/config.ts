import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** A faulty configuration, all faults together; the message is meant for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const text = z.string().trim().min(1);
/** Decimal digits only: a number from anything would read "" as 0 and "0x10" as 16. */
const integer = (min: number, max: number) =>
  text.regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max));
const csv = text.transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

const masterKeyList = csv
  .transform((keys) => keys.map((key) => Buffer.from(key, 'base64')))
  .refine((keys) => keys.length > 0 && keys.every((key) => key.length === 32));

const proxies = csv.refine((entries) =>
  entries.every((entry) => ipaddr.isValidCIDR(entry) || ipaddr.isValid(entry)),
);
const networks = csv.refine((ranges) => ranges.every((range) => ipaddr.isValidCIDR(range)));

interface Variable {
  schema: z.ZodType;
  /** Completes "must be …". */
  format: string;
  example: string;
}

/** Every variable that Kiln reads. `kiln doctor` lists this table. */
export const VARIABLES = {
  KILN_HOST: { schema: text, format: 'a host name or address to listen on', example: '127.0.0.1' },
  KILN_PORT: { schema: integer(0, 65_535), format: 'a port, 0 for any free one', example: '4000' },
  KILN_PUBLIC_URL: {
    schema: z.url({ protocol: /^https?$/ }),
    format: 'an http or https URL',
    example: 'https://kiln.example',
  },
  KILN_DATA_DIR: { schema: text, format: 'a folder', example: '.kiln' },
  KILN_CACHE_DIR: { schema: text, format: 'a folder', example: '/var/cache/kiln' },
  KILN_LOG_LEVEL: {
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    format: 'debug, info, warn, error or silent',
    example: 'info',
  },
  MONGODB_URI: {
    schema: text.regex(/^mongodb(\+srv)?:\/\//),
    format: 'a MongoDB connection string',
    example: 'mongodb://db.example/kiln?replicaSet=rs0',
  },
  TEMPORAL_ADDRESS: {
    schema: text.regex(/^[^\s/]+:\d+$/),
    format: 'host:port of a Temporal frontend',
    example: 'temporal.example:7233',
  },
  TEMPORAL_NAMESPACE: { schema: text, format: 'a Temporal namespace', example: 'default' },
  TEMPORAL_API_KEY: { schema: text, format: 'a Temporal API key', example: 'eyJhbGciOi…' },
  KILN_QUEUE_PREFIX: {
    schema: text.regex(/^[a-z0-9-]{1,40}$/),
    format: 'a prefix of task-queue names (a-z, 0-9, -)',
    example: 'kiln',
  },
  KILN_TEMPORAL_SYNCHRONOUS: {
    schema: z.enum(['NORMAL', 'FULL']),
    format: 'NORMAL or FULL (survives a power cut)',
    example: 'NORMAL',
  },
  KILN_MASTER_KEY: {
    schema: masterKeyList,
    format: 'base64 of 32 bytes; several, newest first, with commas between',
    example: 'openssl rand -base64 32',
  },
  KILN_ADMIN_TOKEN: {
    schema: text.min(24),
    format: 'a token of at least 24 characters',
    example: 'openssl rand -hex 32',
  },
  KILN_ALLOWED_NETWORKS: {
    schema: networks,
    format: 'CIDR ranges with commas between',
    example: '10.1.0.0/16,fd00::/8',
  },
  KILN_TRUSTED_PROXIES: {
    schema: proxies,
    format: 'addresses or CIDR ranges of your own proxies with commas between',
    example: '10.0.0.5,fd00::/8',
  },
  KILN_CONCURRENCY_IMAGE: {
    schema: integer(1, 256),
    format: 'a number of conversions at a time',
    example: '2',
  },
  KILN_CONCURRENCY_IO: { schema: integer(1, 1000), format: 'a number of transfers at a time', example: '50' },
  KILN_CONCURRENCY_WEBHOOK: {
    schema: integer(1, 5000),
    format: 'a number of webhook attempts at a time',
    example: '200',
  },
  KILN_RETENTION_UPLOAD_MINUTES: { schema: integer(1, 10_080), format: 'minutes', example: '60' },
  KILN_RETENTION_FILE_HOURS: { schema: integer(1, 8760), format: 'hours', example: '24' },
  KILN_LIMIT_UPLOAD_BYTES: { schema: integer(1, 2 ** 40), format: 'bytes', example: '2147483648' },
  KILN_LIMIT_PIXELS: { schema: integer(1, 2 ** 31), format: 'pixels of one picture', example: '100000000' },
  KILN_LIMIT_FRAMES: { schema: integer(1, 100_000), format: 'frames or pages', example: '1000' },
  KILN_LIMIT_ENGINE_SECONDS: { schema: integer(1, 3600), format: 'seconds', example: '120' },
  KILN_LIMIT_ENGINE_MEMORY_MB: { schema: integer(64, 65_536), format: 'megabytes', example: '2048' },
} as const satisfies Record<string, Variable>;

type Parsed = { [K in keyof typeof VARIABLES]?: z.output<(typeof VARIABLES)[K]['schema']> };

export interface Config {
  host: string;
  port: number;
  /** Base of absolute URLs; undefined means http://host:port as bound. */
  publicUrl: string | undefined;
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
  masterKeys: Uint8Array[] | undefined;
  adminToken: string | undefined;
  allowedNetworks: string[];
  /** Whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  concurrency: { image: number; io: number; webhook: number };
  retention: { uploadMs: number; fileMs: number };
  limits: {
    uploadBytes: number;
    pixels: number;
    frames: number;
    engineMs: number;
    engineMemoryBytes: number;
  };
}

/**
 * Reads the environment once, for the whole process.
 * @throws ConfigError that names every faulty variable, its format and an example.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const values = parse(env);
  const host = values.KILN_HOST ?? '127.0.0.1';
  return {
    host,
    port: values.KILN_PORT ?? 4000,
    publicUrl: values.KILN_PUBLIC_URL?.replace(/\/+$/, ''),
    dataDir: resolve(values.KILN_DATA_DIR ?? '.kiln'),
    cacheDir: resolve(values.KILN_CACHE_DIR ?? join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kiln')),
    logLevel: values.KILN_LOG_LEVEL ?? 'info',
    mongoUri: values.MONGODB_URI,
    temporal: temporalOf(values),
    masterKeys: values.KILN_MASTER_KEY,
    adminToken: values.KILN_ADMIN_TOKEN,
    allowedNetworks: values.KILN_ALLOWED_NETWORKS ?? defaultAllowedNetworks(values, host),
    trustedProxies: values.KILN_TRUSTED_PROXIES ?? [],
    concurrency: {
      image: values.KILN_CONCURRENCY_IMAGE ?? availableParallelism(),
      io: values.KILN_CONCURRENCY_IO ?? 50,
      webhook: values.KILN_CONCURRENCY_WEBHOOK ?? 200,
    },
    retention: {
      uploadMs: (values.KILN_RETENTION_UPLOAD_MINUTES ?? 60) * 60_000,
      fileMs: (values.KILN_RETENTION_FILE_HOURS ?? 24) * 3_600_000,
    },
    limits: limitsOf(values),
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

function limitsOf(values: Parsed): Config['limits'] {
  return {
    uploadBytes: values.KILN_LIMIT_UPLOAD_BYTES ?? 2 * 2 ** 30,
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
 * The engines and keys that `npm run server` and `npm run worker` share with others.
 * @throws ConfigError naming every variable that is missing.
 */
export function sharedEndpoints({ mongoUri, temporal, masterKeys, adminToken }: Config) {
  const temporalAddress = temporal.address;
  if (mongoUri && temporalAddress && masterKeys)
    return { mongoUri, temporalAddress, masterKeys, adminToken, refusedPorts: [] };
  const missing: (keyof typeof VARIABLES)[] = [];
  if (!mongoUri) missing.push('MONGODB_URI');
  if (!temporalAddress) missing.push('TEMPORAL_ADDRESS');
  if (!masterKeys) missing.push('KILN_MASTER_KEY');
  throw new ConfigError(
    `This process needs ${missing.length} more variable(s); \`npm start\` provides them for one machine.\n` +
      missing.map((name) => describeFault(name)).join('\n'),
  );
}

/** Loopback receivers are for trying things out; a service that others can reach must not call inwards. */
function defaultAllowedNetworks(values: Parsed, host: string): string[] {
  const embedded = !values.MONGODB_URI || !values.TEMPORAL_ADDRESS;
  return embedded && isLoopbackHost(host) ? ['127.0.0.0/8', '::1/128'] : [];
}

function parse(env: Record<string, string | undefined>): Parsed {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const raw = env[name];
    if (raw === undefined || raw === '') continue;
    const result = variable.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else faults.push(describeFault(name as keyof typeof VARIABLES));
  }
  if (faults.length > 0)
    throw new ConfigError(`The configuration has ${faults.length} fault(s):\n${faults.join('\n')}`);
  return values as Parsed;
}

function describeFault(name: keyof typeof VARIABLES): string {
  const { format, example } = VARIABLES[name];
  return `  ${name} must be ${format}, for example: ${example}`;
}
