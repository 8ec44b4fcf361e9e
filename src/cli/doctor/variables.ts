import { VARIABLES } from '../../config/variables.ts';
import { type Config, loadConfig } from '../../config.ts';
import { type PublicUrlVariable, REST_DIALECTS, restRowOf } from '../../domain/dialect.ts';

type Name = keyof typeof VARIABLES;

/** A variable with its current value. */
export interface VariableView {
  name: string;
  /** "(set)" for a secret, "–" if unset. */
  value: string;
  default: string;
  /** Completes "must be …". */
  format: string;
}

const UNSET = '–';
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MEGABYTE = 2 ** 20;

const secret = (value: unknown) => (value === undefined ? undefined : '(set)');

/** Writes a duration in the largest unit that leaves no fraction, in the form that variables take. */
function durationOf(ms: number): string {
  const units = [
    ['d', 24 * HOUR_MS],
    ['h', HOUR_MS],
    ['m', MINUTE_MS],
    ['s', 1000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms % each === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}

/** Readers of the dialects' public URLs, by variable. */
const PUBLIC_URLS = Object.fromEntries(
  REST_DIALECTS.map((dialect) => [
    restRowOf(dialect).publicUrlVariable,
    ({ publicUrls }: Config) => publicUrls[dialect],
  ]),
) as Record<PublicUrlVariable, (config: Config) => unknown>;

/** Reads each variable's value from the configuration. Does not compile if a variable is missing. */
const VALUES: Readonly<Record<Name, (config: Config) => unknown>> = {
  KILN_HOST: ({ host }) => host,
  KILN_PORT: ({ port }) => port,
  KILN_PUBLIC_URL: ({ publicUrl }) => publicUrl,
  ...PUBLIC_URLS,
  KILN_DATA_DIR: ({ dataDir }) => dataDir,
  KILN_CACHE_DIR: ({ cacheDir }) => cacheDir,
  KILN_LOG_LEVEL: ({ logLevel }) => logLevel,
  MONGODB_URI: ({ mongoUri }) => mongoUri?.replace(/\/\/.*@/, '//(credentials)@'),
  TEMPORAL_ADDRESS: ({ temporal }) => temporal.address,
  TEMPORAL_NAMESPACE: ({ temporal }) => temporal.namespace,
  TEMPORAL_API_KEY: ({ temporal }) => secret(temporal.apiKey),
  KILN_QUEUE_PREFIX: ({ temporal }) => temporal.queuePrefix,
  KILN_BUILD_ID: ({ buildId }) => buildId,
  KILN_TEMPORAL_SYNCHRONOUS: ({ temporal }) => temporal.synchronous,
  KILN_MASTER_KEY: ({ masterKeys }) => secret(masterKeys),
  KILN_ADMIN_TOKEN: ({ adminToken }) => secret(adminToken),
  KILN_OIDC_ISSUER: ({ oidc }) => oidc?.issuer,
  KILN_OIDC_AUDIENCE: ({ oidc }) => oidc?.audience,
  KILN_OIDC_JWKS_URL: ({ oidc }) => oidc?.jwksUrl,
  KILN_OIDC_ACCOUNT_CLAIM: ({ oidc }) => oidc?.accountClaim,
  KILN_ALLOWED_NETWORKS: ({ allowedNetworks }) => allowedNetworks.join(',') || undefined,
  KILN_TRUSTED_PROXIES: ({ trustedProxies }) => trustedProxies.join(',') || undefined,
  KILN_CONCURRENCY_IMAGE: ({ concurrency }) => concurrency.image,
  KILN_CONCURRENCY_IO: ({ concurrency }) => concurrency.io,
  KILN_CONCURRENCY_WEBHOOK: ({ concurrency }) => concurrency.webhook,
  KILN_RETENTION_FILES: ({ retention }) => durationOf(retention.fileMs),
  KILN_RETENTION_UPLOADS: ({ retention }) => durationOf(retention.uploadMs),
  KILN_RETENTION_JOBS: ({ retention }) => durationOf(retention.jobMs),
  KILN_RETENTION_DELIVERIES: ({ retention }) => durationOf(retention.deliveryMs),
  KILN_RETENTION_SWEEP: ({ retention }) => durationOf(retention.sweepMs),
  KILN_RETENTION_UPLOAD_MINUTES: ({ retention }) => retention.uploadMs / MINUTE_MS,
  KILN_RETENTION_FILE_HOURS: ({ retention }) => retention.fileMs / HOUR_MS,
  KILN_LIMIT_UPLOAD_BYTES: ({ limits }) => limits.uploadBytes,
  KILN_LIMIT_OPEN_UPLOADS: ({ limits }) => limits.openUploads.account,
  KILN_LIMIT_PIXELS: ({ limits }) => limits.pixels,
  KILN_LIMIT_FRAMES: ({ limits }) => limits.frames,
  KILN_LIMIT_ENGINE_SECONDS: ({ limits }) => limits.engineMs / 1000,
  KILN_LIMIT_ENGINE_MEMORY_MB: ({ limits }) => limits.engineMemoryBytes / MEGABYTE,
};

/** Returns every variable with its value in `config` and its default. */
export function describeVariables(config: Config): VariableView[] {
  const defaults = loadConfig({});
  return (Object.keys(VARIABLES) as Name[]).map((name) => ({
    name,
    value: String(VALUES[name](config) ?? UNSET),
    default: String(VALUES[name](defaults) ?? UNSET),
    format: VARIABLES[name].format,
  }));
}
