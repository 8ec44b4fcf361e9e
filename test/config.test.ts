import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VARIABLES } from '../src/config/variables.ts';
import { ConfigError, isLoopbackHost, loadConfig, sharedEndpoints } from '../src/config.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

const OIDC = { KILN_OIDC_ISSUER: 'https://login.example/', KILN_OIDC_AUDIENCE: 'kiln' };

/** The lines about single variables, or none when the configuration is accepted. */
function errorsOf(load: () => unknown): string[] {
  try {
    load();
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n').slice(1);
  }
}

const INVALID: Record<string, string[]> = {
  KILN_PORT: ['70000', '-1', '80.5', 'http', '0x50', '1e3'],
  KILN_PUBLIC_URL: ['ftp://kiln.example', 'kiln.example', 'https://'],
  KILN_PUBLIC_URL_SWAPMYFILE: ['ftp://kiln.example', 'kiln.example'],
  KILN_LOG_LEVEL: ['loud'],
  MONGODB_URI: ['postgres://db', 'db.example:27017'],
  TEMPORAL_ADDRESS: ['temporal.example', 'http://temporal.example:7233', 'a b:1'],
  KILN_QUEUE_PREFIX: ['Kiln', 'a_b', 'a'.repeat(41)],
  KILN_BUILD_ID: ['a b', 'a:b'],
  KILN_TEMPORAL_SYNCHRONOUS: ['OFF'],
  KILN_MASTER_KEY: ['short', `${KEY},short`, ','],
  KILN_ADMIN_TOKEN: ['too-short'],
  KILN_OIDC_JWKS_URL: ['login.example/keys', 'file:///keys'],
  KILN_ALLOWED_NETWORKS: ['10.0.0.1', '10.0.0.0/33', 'localhost/8'],
  KILN_TRUSTED_PROXIES: ['proxy.example', '10.0.0.0/33'],
  KILN_CONCURRENCY_IMAGE: ['0', 'many'],
  KILN_RETENTION_FILE_HOURS: ['0', '8761'],
  KILN_LIMIT_PIXELS: ['0', '-5'],
  KILN_LIMIT_ENGINE_MEMORY_MB: ['63'],
};

describe('an invalid configuration', () => {
  it.each(Object.entries(INVALID).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '%s=%s is named with its format and an example',
    (name, value) => {
      const variable = VARIABLES[name as keyof typeof VARIABLES];
      const errors = errorsOf(() => loadConfig({ [name]: value }));
      expect(errors).toEqual([`  ${name} must be ${variable.format}, for example: ${variable.example}`]);
    },
  );

  it.each([
    ['KILN_PORT', '65536', 'up to 65535'],
    ['KILN_CONCURRENCY_IMAGE', '257', 'from 1 to 256'],
    ['KILN_CONCURRENCY_IO', '0', 'from 1 to 1000'],
    ['KILN_CONCURRENCY_WEBHOOK', '5001', 'from 1 to 5000'],
    ['KILN_LIMIT_UPLOAD_BYTES', '0', 'from 1 to 1099511627776'],
    ['KILN_LIMIT_OPEN_UPLOADS', '100001', 'from 1 to 100000'],
    ['KILN_LIMIT_FRAMES', '0', 'from 1 to 100000'],
    ['KILN_LIMIT_ENGINE_SECONDS', '3601', 'from 1 to 3600'],
    ['KILN_LIMIT_ENGINE_MEMORY_MB', '63', 'from 64 to 65536'],
    ['KILN_RETENTION_FILES', '3651d', '1s to 3650d'],
    ['KILN_RETENTION_UPLOADS', '8d', '1s to 7d'],
    ['KILN_RETENTION_JOBS', '59s', '1m to 3650d'],
    ['KILN_RETENTION_DELIVERIES', '59s', '1m to 3650d'],
    ['KILN_RETENTION_SWEEP', '2d', '1s to 1d'],
  ])('%s=%s is answered with the range %s', (name, value, range) => {
    const errors = errorsOf(() => loadConfig({ [name]: value }));
    expect(errors).toEqual([expect.stringContaining(range)]);
  });

  it('is reported as a whole', () => {
    const env = Object.fromEntries(Object.entries(INVALID).map(([name, [value]]) => [name, value]));
    expect(errorsOf(() => loadConfig(env))).toHaveLength(Object.keys(INVALID).length);
  });

  it('never shows a value that may be a secret', () => {
    const errors = errorsOf(() => loadConfig({ KILN_MASTER_KEY: 's3cret', KILN_ADMIN_TOKEN: 's3cret' }));
    expect(errors).toHaveLength(2);
    expect(errors.join()).not.toContain('s3cret');
  });
});

describe('an empty environment', () => {
  it('means one machine, loopback, embedded engines', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      publicUrl: undefined,
      dataDir: resolve('.kiln'),
      mongoUri: undefined,
      temporal: { address: undefined, namespace: 'default', queuePrefix: 'kiln', synchronous: 'NORMAL' },
      allowedNetworks: ['127.0.0.0/8', '::1/128'],
      retention: {
        uploadMs: 3_600_000,
        fileMs: 86_400_000,
        sweepMs: 600_000,
        jobMs: 30 * 86_400_000,
        deliveryMs: 30 * 86_400_000,
      },
      limits: { uploadBytes: 2_147_483_648, engineMs: 120_000, engineMemoryBytes: 2048 * 2 ** 20 },
    });
  });

  it('is what empty variables mean as well', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(loadConfig({ ...empty, XDG_CACHE_HOME: '' })).toEqual(loadConfig({}));
  });
});

describe('a value', () => {
  it('of every example in the table is accepted', () => {
    for (const [name, { example }] of Object.entries(VARIABLES)) {
      // These two are made by a command, which the example shows.
      if (example.startsWith('openssl')) continue;
      expect(errorsOf(() => loadConfig({ ...OIDC, [name]: example }))).toEqual([]);
    }
  });

  it('of a dialect gives it an origin of its own', () => {
    const env = { KILN_PUBLIC_URL: 'https://a.example', KILN_PUBLIC_URL_SWAPMYFILE: 'https://b.example/' };
    expect(loadConfig(env)).toMatchObject({
      publicUrl: 'https://a.example',
      publicUrls: { swapmyfile: 'https://b.example' },
    });
    expect(loadConfig({}).publicUrls).toEqual({});
  });

  it('is read as what it stands for', () => {
    const config = loadConfig({
      KILN_PORT: '0',
      KILN_PUBLIC_URL: 'https://kiln.example/base//',
      KILN_DATA_DIR: tmpdir(),
      XDG_CACHE_HOME: '/var/cache',
      KILN_MASTER_KEY: `${KEY}, ${KEY}`,
      KILN_RETENTION_UPLOAD_MINUTES: '5',
      KILN_LIMIT_ENGINE_SECONDS: '3',
      KILN_ALLOWED_NETWORKS: '10.1.0.0/16, fd00::/8',
    });
    expect(config).toMatchObject({
      port: 0,
      publicUrl: 'https://kiln.example/base',
      dataDir: tmpdir(),
      cacheDir: '/var/cache/kiln',
      retention: { uploadMs: 300_000 },
      limits: { engineMs: 3000 },
      allowedNetworks: ['10.1.0.0/16', 'fd00::/8'],
    });
    expect(config.masterKeys?.map((key) => Buffer.from(key).toString('base64'))).toEqual([KEY, KEY]);
  });
});

describe('a lifetime', () => {
  it.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
  ])('of %s is %d milliseconds', (value, ms) => {
    const { retention } = loadConfig({ KILN_RETENTION_FILES: value, KILN_RETENTION_JOBS: value });
    expect([retention.fileMs, retention.jobMs]).toEqual([ms, ms]);
  });

  it.each(['90', '1.5h', '-1d', '5w', '0s', '9999d', 's'])('of %s is refused', (value) => {
    const [error] = errorsOf(() => loadConfig({ KILN_RETENTION_FILES: value }));
    expect(error).toMatch(/KILN_RETENTION_FILES must be how long files are kept, 1s to 3650d, such as 90s/);
  });

  it('may be given by its earlier name, unless it has the new one as well', () => {
    const earlier = { KILN_RETENTION_UPLOAD_MINUTES: '5', KILN_RETENTION_FILE_HOURS: '2' };
    const times = { uploadMs: 300_000, fileMs: 7_200_000 };
    expect(loadConfig(earlier).retention).toMatchObject(times);
    expect(loadConfig({ ...earlier, KILN_RETENTION_FILES: '3h' }).retention).toMatchObject({
      uploadMs: 300_000,
      fileMs: 10_800_000,
    });
  });
});

describe('a login server', () => {
  it('is nobody unless configured, and known exactly as it was written', () => {
    expect(loadConfig({}).oidc).toBeUndefined();
    expect(loadConfig(OIDC).oidc).toEqual({
      issuer: 'https://login.example/',
      audience: 'kiln',
      jwksUrl: undefined,
      accountClaim: 'kiln_account',
    });
  });

  it.each(Object.keys(OIDC))('needs %s as well', (name) => {
    const errors = errorsOf(() => loadConfig({ ...OIDC, [name]: '' }));
    expect(errors.map((line) => line.trim().split(' ')[0])).toEqual([name]);
  });
});

describe('loopback receivers', () => {
  const shared = { MONGODB_URI: 'mongodb://db/kiln', TEMPORAL_ADDRESS: 'temporal:7233' };

  it.each([
    ['an embedded engine on loopback', { MONGODB_URI: shared.MONGODB_URI }, 2],
    ['a service that others can reach', { KILN_HOST: '0.0.0.0' }, 0],
    ['engines of the operator', shared, 0],
    ['ranges that the operator names', { ...shared, KILN_ALLOWED_NETWORKS: '10.0.0.0/8' }, 1],
  ])('%s: %s ranges', (_name, env, count) => {
    expect(loadConfig(env).allowedNetworks).toHaveLength(count);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['10.0.0.1', false],
    ['localhost.example', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopbackHost(host)).toBe(loopback);
  });
});

describe('a process that shares its state', () => {
  it('names everything that it still needs', () => {
    const errors = errorsOf(() => sharedEndpoints(loadConfig({ MONGODB_URI: 'mongodb://db/kiln' })));
    expect(errors.map((line) => line.trim().split(' ')[0])).toEqual([
      'TEMPORAL_ADDRESS',
      'KILN_MASTER_KEY',
      'KILN_PUBLIC_URL',
    ]);
  });

  it('is content when all is there', () => {
    const env = {
      MONGODB_URI: 'mongodb://db',
      TEMPORAL_ADDRESS: 't:1',
      KILN_MASTER_KEY: KEY,
      KILN_PUBLIC_URL: 'https://kiln.example',
    };
    expect(errorsOf(() => sharedEndpoints(loadConfig(env)))).toEqual([]);
  });
});
