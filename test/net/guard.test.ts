import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import { createGuard, type GuardOptions } from '../../src/net/guard.ts';
import { INVALID_URLS, PRIVATE_HOSTS } from './hostile-addresses.ts';

const guardWith = (options: Partial<GuardOptions> = {}) =>
  createGuard({ allowedNetworks: [], refusedPorts: () => [], ...options });

function codeOf(url: string, guard = guardWith()): string {
  try {
    guard.checkUrl(url);
    return 'allowed';
  } catch (error) {
    return error instanceof KilnError ? error.code : `unexpected ${error}`;
  }
}

describe('what checkUrl refuses as an address', () => {
  it.each(Object.entries(PRIVATE_HOSTS))('%s', (_kind, hosts) => {
    for (const host of hosts) {
      for (const url of [`http://${host}/`, `HTTPS://${host}:8443/hook?a=b#c`]) {
        expect([url, codeOf(url)]).toEqual([url, 'BLOCKED_ADDRESS']);
      }
    }
  });

  it('refuses a zone id, which no URL may carry', () => {
    for (const host of ['[fe80::1%25eth0]', '[fe80::1%eth0]', '[::1%25lo]']) {
      expect(codeOf(`http://${host}/`)).toBe('INVALID_INPUT');
    }
  });

  it('refuses every address of the blocks, not only the samples', () => {
    for (let octet = 0; octet < 256; octet += 1) {
      for (const host of [`10.${octet}.${255 - octet}.7`, `127.${octet}.0.1`, `192.168.${octet}.1`]) {
        const mapped = `[::ffff:${host}]`;
        const decimal = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
        for (const spelling of [
          host,
          mapped,
          decimal,
          `0x${decimal.toString(16)}`,
          `0${decimal.toString(8)}`,
        ]) {
          expect([spelling, codeOf(`http://${spelling}/`)]).toEqual([spelling, 'BLOCKED_ADDRESS']);
        }
      }
    }
  });

  it('says the same sentence whatever the reason was', () => {
    const guard = guardWith({ refusedPorts: () => [27017] });
    for (const url of ['http://10.0.0.1/', 'http://[::1]/', 'http://example.com:27017/']) {
      expect(() => guard.checkUrl(url)).toThrow(
        expect.objectContaining({
          message: 'The address is not allowed.',
          hint: 'Give a public address; the operator of the service allows others with KILN_ALLOWED_NETWORKS.',
        }),
      );
    }
  });
});

describe('what checkUrl refuses as a URL', () => {
  it.each(Object.entries(INVALID_URLS))('%s', (_kind, urls) => {
    for (const url of urls) expect([url, codeOf(url)]).toEqual([url, 'INVALID_INPUT']);
  });
});

describe('what checkUrl lets through', () => {
  it.each([
    ['http://example.com/', 'http://example.com/'],
    ['HTTP://EXAMPLE.com/Hook?x=1#y', 'http://example.com/Hook?x=1#y'],
    ['https://8.8.8.8:8443/a', 'https://8.8.8.8:8443/a'],
    ['https://[2606:4700::1111]/', 'https://[2606:4700::1111]/'],
    ['https://134744072/', 'https://8.8.8.8/'],
    ['http://[::ffff:808:808]/', 'http://[::ffff:808:808]/'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://localhost.example.com/', 'https://localhost.example.com/'],
    ['https://example.com/a@b', 'https://example.com/a@b'],
  ])('%s', (text, href) => {
    expect(guardWith().checkUrl(text).href).toBe(href);
  });
});

describe('what the operator decides', () => {
  it('opens an allowed network in each spelling, and nothing beside it', () => {
    const guard = guardWith({ allowedNetworks: ['127.0.0.0/8', 'fd00:1::/32'] });
    for (const host of ['127.0.0.1', '2130706433', '[::ffff:7f00:1]', '[fd00:1::9]', 'localhost']) {
      expect([host, codeOf(`http://${host}/`, guard)]).toEqual([host, 'allowed']);
    }
    for (const host of ['10.0.0.1', '[::1]', '[fd00:2::9]', '[2002:7f00:1::]']) {
      expect([host, codeOf(`http://${host}/`, guard)]).toEqual([host, 'BLOCKED_ADDRESS']);
    }
  });

  it('keeps a refused port shut in an allowed network, also when it is the scheme’s own', () => {
    const ports = [27017];
    const guard = guardWith({ allowedNetworks: ['127.0.0.0/8'], refusedPorts: () => ports });
    expect(codeOf('http://127.0.0.1:27017/', guard)).toBe('BLOCKED_ADDRESS');
    expect(codeOf('http://example.com:027017/', guard)).toBe('BLOCKED_ADDRESS');
    expect(codeOf('https://127.0.0.1/', guard)).toBe('allowed');
    ports.push(443);
    expect(codeOf('https://127.0.0.1/', guard)).toBe('BLOCKED_ADDRESS');
  });

  it('refuses to start with a network that is none', () => {
    expect(() => guardWith({ allowedNetworks: ['10.0.0.0'] })).toThrow('CIDR');
  });
});

describe('lookup', () => {
  const lookupAll = (answers: string[], allowedNetworks: string[] = [], all = true) => {
    const guard = guardWith({
      allowedNetworks,
      resolver: (_hostname, _options, callback) =>
        callback(
          null,
          answers.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
    });
    return new Promise<string | LookupAddress[]>((resolve, reject) => {
      guard.lookup('names.example', { all }, (error, address) => (error ? reject(error) : resolve(address)));
    });
  };

  it('hands over exactly the addresses that it checked', async () => {
    await expect(lookupAll(['8.8.8.8', '2606:4700::1111'])).resolves.toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
    await expect(lookupAll(['8.8.4.4', '8.8.8.8'], [], false)).resolves.toBe('8.8.4.4');
  });

  it.each([
    ['private', ['10.0.0.1']],
    ['public, then private', ['8.8.8.8', '10.0.0.1']],
    ['private, then public', ['::1', '2606:4700::1111']],
    ['mapped', ['::ffff:127.0.0.1']],
    ['with a zone', ['fe80::1%eth0']],
    ['no address at all', ['example.com']],
    ['empty', []],
  ])('refuses an answer that is %s', async (_kind, answers) => {
    for (const all of [true, false]) {
      await expect(lookupAll(answers, [], all)).rejects.toMatchObject({
        code: 'BLOCKED_ADDRESS',
        message: 'The address is not allowed.',
      });
    }
  });

  it('takes a private answer from an allowed network only', async () => {
    await expect(lookupAll(['10.1.2.3'], ['10.1.0.0/16'])).resolves.toHaveLength(1);
    await expect(lookupAll(['10.1.2.3', '10.2.2.3'], ['10.1.0.0/16'])).rejects.toThrow('not allowed');
  });

  it('judges the system resolver’s answer for this machine', async () => {
    const lookup = new Promise((resolve, reject) => {
      guardWith().lookup('localhost', { all: true }, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });
    await expect(lookup).rejects.toMatchObject({ code: 'BLOCKED_ADDRESS' });
  });

  it('passes on that a name is unknown', async () => {
    const unknown = Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
    const guard = guardWith({ resolver: (_hostname, _options, callback) => callback(unknown, []) });
    const lookup = new Promise((resolve, reject) => {
      guard.lookup('gone.example', {}, (error, found) => (error ? reject(error) : resolve(found)));
    });
    await expect(lookup).rejects.toBe(unknown);
  });
});
