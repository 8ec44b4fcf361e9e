import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type PublicUrlVariable, REST_DIALECTS, restRowOf } from '../domain/dialect.ts';

const text = z.string().trim().min(1);
/** Parses decimal digits only: coercion would read "" as 0 and "0x10" as 16. */
const integer = (min: number, max: number) =>
  text.regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max));
/** A variable that counts something; its format says the range. */
const count = (what: string, min: number, max: number, example: string) => ({
  schema: integer(min, max),
  format: `a whole number of ${what} from ${min} to ${max}`,
  example,
});
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Parses a duration such as 90s, 15m, 24h or 30d to milliseconds. */
const duration = (minMs: number, maxMs: number) =>
  text
    .regex(/^\d{1,9}[smhd]$/)
    .transform((value) => Number(value.slice(0, -1)) * UNITS[value.at(-1) as keyof typeof UNITS])
    .pipe(z.int().min(minMs).max(maxMs));
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

/** Ten years. */
const LONGEST_MS = 3650 * UNITS.d;

interface Variable {
  schema: z.ZodType;
  /** Completes "must be …". */
  format: string;
  example: string;
}

const webOrigin = {
  schema: z.url({ protocol: /^https?$/ }),
  format: 'an http or https URL',
  example: 'https://kiln.example',
};

/** The variables of dialects with an origin of their own. */
const PUBLIC_URLS = Object.fromEntries(
  REST_DIALECTS.map((dialect) => [restRowOf(dialect).publicUrlVariable, webOrigin]),
) as Readonly<Record<PublicUrlVariable, typeof webOrigin>>;

/** Every variable that Kiln reads. `kiln doctor` lists this table. */
export const VARIABLES = {
  KILN_HOST: { schema: text, format: 'a host name or address to listen on', example: '127.0.0.1' },
  KILN_PORT: {
    schema: integer(0, 65_535),
    format: 'a port up to 65535, 0 for any free one',
    example: '4000',
  },
  KILN_PUBLIC_URL: webOrigin,
  ...PUBLIC_URLS,
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
  KILN_BUILD_ID: {
    schema: text.regex(/^[A-Za-z0-9._-]{1,100}$/),
    format: 'a name of this build of Kiln (letters, digits, ".", "_", "-")',
    example: '2026-11-27',
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
  KILN_OIDC_ISSUER: {
    schema: z.url({ protocol: /^https?$/ }),
    format: 'the issuer of your login server, exactly as its tokens say it; with KILN_OIDC_AUDIENCE',
    example: 'https://login.example/realms/main',
  },
  KILN_OIDC_AUDIENCE: {
    schema: text,
    format: 'the audience that tokens for Kiln name; with KILN_OIDC_ISSUER',
    example: 'kiln',
  },
  KILN_OIDC_JWKS_URL: {
    schema: z.url({ protocol: /^https?$/ }),
    format: 'an http or https URL',
    example: 'https://login.example/keys',
  },
  KILN_OIDC_ACCOUNT_CLAIM: { schema: text, format: 'the name of a claim', example: 'kiln_account' },
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
  KILN_CONCURRENCY_IMAGE: count('conversions at a time', 1, 256, '2'),
  KILN_CONCURRENCY_IO: count('transfers at a time', 1, 1000, '50'),
  KILN_CONCURRENCY_WEBHOOK: count('webhook attempts at a time', 1, 5000, '200'),
  KILN_RETENTION_FILES: {
    schema: duration(UNITS.s, LONGEST_MS),
    format: 'how long files are kept, 1s to 3650d, such as 90s, 15m, 24h or 30d',
    example: '24h',
  },
  KILN_RETENTION_UPLOADS: {
    schema: duration(UNITS.s, 7 * UNITS.d),
    format: 'the time for an upload to arrive, 1s to 7d, such as 90s, 15m or 24h',
    example: '60m',
  },
  KILN_RETENTION_JOBS: {
    schema: duration(UNITS.m, LONGEST_MS),
    format: 'how long ended jobs and batches are kept, 1m to 3650d, such as 24h or 30d',
    example: '30d',
  },
  KILN_RETENTION_DELIVERIES: {
    schema: duration(UNITS.m, LONGEST_MS),
    format: 'how long ended webhook deliveries are kept, 1m to 3650d, such as 24h or 30d',
    example: '30d',
  },
  KILN_RETENTION_SWEEP: {
    schema: duration(UNITS.s, UNITS.d),
    format: 'the time between two clean-ups, 1s to 1d, such as 90s, 10m or 1h',
    example: '10m',
  },
  KILN_RETENTION_UPLOAD_MINUTES: {
    schema: integer(1, 10_080),
    format:
      'minutes from 1 to 10080; the earlier name of KILN_RETENTION_UPLOADS, which counts if both are set',
    example: '60',
  },
  KILN_RETENTION_FILE_HOURS: {
    schema: integer(1, 8760),
    format: 'hours from 1 to 8760; the earlier name of KILN_RETENTION_FILES, which counts if both are set',
    example: '24',
  },
  KILN_LIMIT_UPLOAD_BYTES: count('bytes', 1, 2 ** 40, '2147483648'),
  KILN_LIMIT_OPEN_UPLOADS: count('uploads that one account may have outstanding', 1, 100_000, '5000'),
  KILN_LIMIT_PIXELS: count('pixels of one picture', 1, 2 ** 31, '100000000'),
  KILN_LIMIT_FRAMES: count('frames or pages', 1, 100_000, '1000'),
  KILN_LIMIT_ENGINE_SECONDS: count('seconds', 1, 3600, '120'),
  KILN_LIMIT_ENGINE_MEMORY_MB: count('megabytes', 64, 65_536, '2048'),
} as const satisfies Record<string, Variable>;

/** Says what a variable must be, with an example; the line is meant for a terminal. */
export function describeVariable(name: keyof typeof VARIABLES): string {
  const { format, example } = VARIABLES[name];
  return `  ${name} must be ${format}, for example: ${example}`;
}
