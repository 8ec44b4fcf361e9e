import { describe, expect, it } from 'vitest';
import {
  addressBucket,
  clientAddressOf,
  isInNetworks,
  isSubnet,
  parseNetworks,
} from '../../../src/domain/access/client-address.ts';

describe('the address of whoever asks', () => {
  const proxies = parseNetworks(['10.0.0.0/8', 'fd00::/8']);

  it.each<[peer: string | null, forwardedFor: string | null, expected: string | null, why: string]>([
    ['203.0.113.9', null, '203.0.113.9', 'the peer, when nobody forwards'],
    ['203.0.113.9', '1.2.3.4', '203.0.113.9', 'the peer, when it is no proxy of ours'],
    ['10.0.0.1', '198.51.100.7', '198.51.100.7', 'what our proxy wrote'],
    ['10.0.0.1', '1.2.3.4, 198.51.100.7', '198.51.100.7', 'not what the client wrote before it'],
    ['10.0.0.1', '198.51.100.7, 10.0.0.2', '198.51.100.7', 'behind two proxies of ours'],
    ['10.0.0.1', '10.0.0.3,10.0.0.2', '10.0.0.3', 'the first proxy, when all are ours'],
    ['10.0.0.1', '198.51.100.7:4711', '198.51.100.7', 'without the port of the connection'],
    ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7', 'without brackets and port'],
    ['10.0.0.1', '[2001:db8::7]', '2001:db8::7', 'without brackets'],
    ['10.0.0.1', 'unknown', '10.0.0.1', 'the proxy, when it names nobody'],
    ['10.0.0.1', '198.51.100.7, garbage', '10.0.0.1', 'the proxy, when the hop before it cannot be read'],
    ['10.0.0.1', '', '10.0.0.1', 'the proxy, when it forwards for itself'],
    ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7', 'through a socket that speaks IPv6'],
    ['fd00::1%eth0', '2001:db8::7', '2001:db8::7', 'through a proxy with a zone'],
    [null, '198.51.100.7', null, 'nobody, without a peer'],
  ])('of %s with %j is %s: %s', (peer, forwardedFor, expected) => {
    expect(clientAddressOf({ peer, forwardedFor }, proxies)).toBe(expected);
  });
});

describe('networks', () => {
  it.each([
    ['192.0.2.255', '192.0.2.0/24', true],
    ['192.0.3.0', '192.0.2.0/24', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.1', false],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '::ffff:192.0.2.0/120', true],
    ['192.0.3.1', '::ffff:192.0.2.0/120', false],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:db8::1', '2001:db8::1', true],
    ['2001:db8::2', '2001:db8::1', false],
    ['192.0.2.1', '2001:db8::/32', false],
    ['0x7f.1', '127.0.0.0/8', false],
    ['1', '0.0.0.0/0', false],
    ['', '0.0.0.0/0', false],
    ['192.0.2.1', 'no network', false],
  ])('%s in %s: %s', (address, network, isIn) => {
    expect(isInNetworks(address, parseNetworks([network]))).toBe(isIn);
  });

  it.each([
    ['192.0.2.0/25', '192.0.2.0/24', true],
    ['192.0.2.0/24', '192.0.2.0/24', true],
    ['192.0.2.0/23', '192.0.2.0/24', false],
    ['192.0.2.7', '192.0.2.0/24', true],
    ['192.0.3.7', '192.0.2.0/24', false],
    ['nothing', '192.0.2.0/24', false],
    ['192.0.2.7', 'nothing', false],
  ])('all of %s lies in %s: %s', (inner, outer, lies) => {
    expect(isSubnet(inner, outer)).toBe(lies);
  });
});

describe('what stands for a household', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['nobody', 'unknown'],
  ])('%s: %s', (address, bucket) => {
    expect(addressBucket(address)).toBe(bucket);
  });
});
