import { connect, createServer as createSocketServer, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import { createGuard, type GuardOptions, type Resolver } from '../../src/net/guard.ts';
import { createJsonFetcher } from '../../src/net/json.ts';
import { INVALID_URLS, PRIVATE_HOSTS } from './hostile-addresses.ts';
import { closeAll, listen, senderWith, serve } from './receivers.ts';

/** The one address that may be reached: whoever redirects stands there. */
const OPEN = '127.0.0.9';
const TOKEN = 'canary-token-31c7';

/** Every address of this machine, of both kinds where there are both. */
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ family }) => family === 'IPv6'),
);
const EVERYWHERE = hasIpv6 ? '::' : '0.0.0.0';

/** Every kind of outgoing request: the guard has to stop each of them. */
type WayOut = (url: URL | string, options: GuardOptions) => Promise<unknown>;

let canaryPort: number;
let hits: number;

beforeEach(async () => {
  hits = 0;
  const canary = createSocketServer((socket) => {
    hits += 1;
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${TOKEN.length}\r\n\r\n${TOKEN}`);
  });
  canaryPort = await listen(canary, EVERYWHERE);
});
afterEach(closeAll);

const read = async ({ status, body }: { status: number; body: AsyncIterable<Buffer> }) => {
  let text = '';
  for await (const chunk of body) text += chunk;
  return { status, text };
};

const get = (url: string, options: GuardOptions) =>
  senderWith(options).get({ url, timeoutMs: 5000, maxBytes: 1000 }, read);

const WAYS_OUT: Record<string, WayOut> = {
  'a webhook': (url, options) =>
    senderWith(options).post({ url: String(url), headers: {}, body: TOKEN, timeoutMs: 5000 }),

  'an import': (url, options) => get(String(url), options),

  'the keys of a login server': (url, options) => createJsonFetcher(senderWith(options))(String(url)),

  'a redirect': async (url, options) => {
    const location = Buffer.from(String(url)).toString('latin1');
    const port = await serve((_request, response) => response.writeHead(302, { location }).end(), OPEN);
    return get(`http://${OPEN}:${port}/`, options);
  },

  'a client library that is given the guard, as those of clouds are': async (url, options) => {
    const guard = createGuard(options);
    const { hostname, port } = guard.checkUrl(String(url));
    return talk({ host: hostname, port: Number(port), lookup: guard.lookup });
  },

  'an FTP server and what it replies to PASV': async (url, options) => {
    const guard = createGuard(options);
    const [, written = '', port] = /^\w+:\/\/(.*):(\d+)\//i.exec(String(url)) ?? [];
    const host = guard.checkPeer(written, Number(port));
    return talk({ host, port: Number(port), lookup: guard.lookup });
  },
};

async function talk(to: { host: string; port: number; lookup: LookupFunction }): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const socket = connect(to, () => socket.end(TOKEN));
  socket.once('error', reject).once('close', resolve).resume();
  return promise;
}

/** What came of it, in one word. */
async function outcomeOf(result: Promise<unknown>): Promise<string> {
  const value = await result.catch((error: unknown) => error);
  const shown = JSON.stringify(
    [value, value instanceof Error ? [value.message, value.cause] : null],
    (_key, part) => (part instanceof Error ? { ...part, message: part.message } : part),
  );
  expect(shown).not.toContain(TOKEN);
  if (value instanceof KilnError && value.cause instanceof Error) return value.cause.message;
  if (value instanceof Error) return 'code' in value ? String(value.code) : value.message;
  return typeof value === 'object' && value !== null && 'reason' in value ? String(value.reason) : shown;
}

const REFUSALS = ['blocked', 'BLOCKED_ADDRESS', 'no answer: blocked'];
const neverAsked: Resolver = (name, _options, callback) =>
  callback(Object.assign(new Error(name), { code: 'EAI_AGAIN' }), []);
const closed: GuardOptions = {
  allowedNetworks: [`${OPEN}/32`],
  refusedPorts: () => [],
  resolver: neverAsked,
};

describe.each(Object.entries(WAYS_OUT))('%s', (_name, send) => {
  it.each(Object.entries(PRIVATE_HOSTS))('does not reach %s', async (_kind, hosts) => {
    for (const host of hosts) {
      const url = `http://${host}:${canaryPort}/${TOKEN}`;
      const outcome = await outcomeOf(send(url, closed));
      expect(REFUSALS, `${host}: ${outcome}`).toContain(outcome);
    }
    expect(hits).toBe(0);
  });

  it.each<[string, string[]]>([
    ['private', ['127.0.0.1']],
    ['public, then private', ['8.8.8.8', '127.0.0.1']],
    ['private, then public', ['127.0.0.1', '8.8.8.8']],
    ['IPv4 in IPv6', ['::ffff:127.0.0.1']],
    ['translated', ['64:ff9b::7f00:1', '64:ff9b:1::7f00:1']],
    ['6to4 and Teredo', ['2002:7f00:1::', '2001::80ff:fffe']],
    ['the metadata of a cloud', ['169.254.169.254']],
    ['this machine in short', ['0.0.0.0']],
    ['with a zone', ['fe80::1%lo']],
  ])('does not reach a name that means an address that is %s', async (_what, addresses) => {
    const resolver: Resolver = (_name, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    const url = `http://names.example:${canaryPort}/${TOKEN}`;
    expect(REFUSALS).toContain(await outcomeOf(send(url, { ...closed, resolver })));
    expect(hits).toBe(0);
  });

  it('does not reach a name that means something else when it is asked again', async () => {
    let asked = 0;
    const resolver: Resolver = (_name, _options, callback) => {
      asked += 1;
      callback(null, [{ address: asked === 1 ? OPEN : '127.0.0.1', family: 4 }]);
    };
    const options = { ...closed, resolver };
    // Nobody listens there at that address: it is this one that was asked for, once.
    await outcomeOf(send(`http://rebind.example:${canaryPort + 1}/`, options));
    expect(asked).toBe(1);
    expect(REFUSALS).toContain(await outcomeOf(send(`http://rebind.example:${canaryPort}/`, options)));
    expect([asked, hits]).toEqual([2, 0]);
  });

  it('does not reach a port of our own engines, whatever is allowed', async () => {
    const options = {
      ...closed,
      allowedNetworks: ['127.0.0.0/8'],
      refusedPorts: () => [canaryPort],
    };
    for (const host of ['127.0.0.1', OPEN, '2130706433', '[::ffff:7f00:1]', 'localhost'])
      expect(REFUSALS).toContain(await outcomeOf(send(`http://${host}:${canaryPort}/`, options)));
    expect(hits).toBe(0);
  });

  it('reaches what is allowed, or this table proves nothing', async () => {
    const options = { ...closed, allowedNetworks: ['127.0.0.0/8'] };
    await send(`http://127.0.0.1:${canaryPort}/`, options).catch(() => undefined);
    expect(hits).toBe(1);
  });
});

describe('an address that is none', () => {
  /** A header cannot carry these, and a path is a good redirect. */
  const NOT_IN_A_HEADER = ['white space', 'control characters', 'no URL'];
  const rows = Object.entries(INVALID_URLS).filter(([kind]) => !NOT_IN_A_HEADER.includes(kind));

  it.each(rows)('is no redirect: %s', async (_kind, urls) => {
    for (const url of urls)
      expect([url, await outcomeOf(WAYS_OUT['a redirect']?.(url, closed) ?? Promise.reject())]).toEqual([
        url,
        'redirect',
      ]);
    expect(hits).toBe(0);
  });

  it.each(Object.entries(INVALID_URLS))('is nothing to fetch or to send to: %s', async (_kind, urls) => {
    for (const url of urls) {
      await expect(WAYS_OUT['a webhook']?.(url, closed)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
      await expect(WAYS_OUT['an import']?.(url, closed)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(hits).toBe(0);
  });

  it.each([
    'a/b',
    'a?b',
    'a#b',
    'user@a',
    'a:21',
    'a b',
    'a\\b',
    'a\r\nb',
    '',
    '[::1',
    'fe80::1%eth0',
    '256.1.1.1',
  ])('is no FTP host: %j', (host) => {
    expect(() => createGuard(closed).checkPeer(host, 21)).toThrow('The host must be a name or an address.');
  });

  it('is a host in one spelling, and a port that exists', () => {
    const guard = createGuard(closed);
    expect(guard.checkPeer('FTP.Example.COM', 21)).toBe('ftp.example.com');
    expect(guard.checkPeer('0x08.8.2056', 21)).toBe('8.8.8.8');
    expect(guard.checkPeer('2606:4700::1111', 21)).toBe('2606:4700::1111');
    expect(guard.checkPeer('[2606:4700::1111]', 21)).toBe('2606:4700::1111');
    for (const port of [0, -1, 65_536, 1.5, Number.NaN])
      expect(() => guard.checkPeer('8.8.8.8', port)).toThrow();
  });
});
