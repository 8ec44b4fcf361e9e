import { describe, expect, it } from 'vitest';
import { UNKNOWN_SENDER } from '../../../src/domain/access/client-address.ts';
import { isAllowedBy, isNoWider, parseRestriction } from '../../../src/domain/access/key-restriction.ts';

const from = (address: string | null) => ({ ...UNKNOWN_SENDER, address });
const page = (origin: string | null, referer: string | null = null) => ({
  ...from('1.2.3.4'),
  origin,
  referer,
});

describe('a request for a restriction', () => {
  it('is of addresses, of domains, or none', () => {
    expect(parseRestriction({})).toEqual({ type: 'all' });
    expect(parseRestriction({ ip: null, domain: null })).toEqual({ type: 'all' });
    const networks = ['192.0.2.0/24', '2001:db8::1'];
    expect(parseRestriction({ ip: networks })).toEqual({ type: 'ip', networks });
    expect(parseRestriction({ domain: ['Example.COM', '*.example.org'] })).toEqual({
      type: 'domain',
      domains: ['example.com', '*.example.org'],
    });
  });

  it.each([
    [{ ip: ['1.2.3.4'], domain: ['example.com'] }, /not by both/],
    [{ ip: [] }, /1 to 100 entries/],
    [{ domain: [] }, /1 to 100 entries/],
    [{ ip: Array.from({ length: 101 }, () => '1.2.3.4') }, /1 to 100 entries/],
    [{ ip: ['1.2.3.4', '1.2.3.4/33'] }, /"1.2.3.4\/33" is not an IP address/],
    [{ ip: ['example.com'] }, /"example.com" is not an IP address/],
    [{ domain: ['example.com', 'https://example.com'] }, /"https:\/\/example.com" is not a domain/],
    [{ domain: ['*'] }, /"\*" is not a domain/],
    [{ domain: ['a.*.com'] }, /is not a domain/],
    [{ domain: ['-a.com'] }, /is not a domain/],
    [{ domain: [`${'a'.repeat(64)}.com`] }, /is not a domain/],
  ])('%j is refused', (request, sentence) => {
    expect(() => parseRestriction(request)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        field: 'restriction',
        message: expect.stringMatching(sentence),
      }),
    );
  });

  it('may have a hundred entries', () => {
    const networks = Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`);
    expect(parseRestriction({ ip: networks })).toEqual({ type: 'ip', networks });
  });
});

describe('who may use a key', () => {
  it('is everybody without a restriction', () => {
    expect(isAllowedBy({ type: 'all' }, from(null))).toBe(true);
  });

  it('is who calls from one of its addresses', () => {
    const office = parseRestriction({ ip: ['192.0.2.0/24', '198.51.100.7'] });
    expect(isAllowedBy(office, from('192.0.2.9'))).toBe(true);
    expect(isAllowedBy(office, from('198.51.100.7'))).toBe(true);
    expect(isAllowedBy(office, from('198.51.100.8'))).toBe(false);
    expect(isAllowedBy(office, from(null))).toBe(false);
  });

  it.each([
    ['https://example.com', null, true],
    ['https://example.com:8443', null, true],
    ['http://EXAMPLE.com.', null, true],
    ['https://www.example.com', null, false],
    ['https://a.example.org', null, true],
    ['https://a.b.example.org', null, true],
    ['https://example.org', null, false],
    ['https://badexample.org', null, false],
    ['https://example.com.evil.example', null, false],
    ['ftp://example.com', null, false],
    ['null', 'https://example.com/page', false],
    [null, 'https://example.com/page', true],
    [null, 'https://evil.example/?https://example.com', false],
    [null, null, false],
  ])('is a page of its domains: origin %s, referer %s: %s', (origin, referer, allowed) => {
    const pages = parseRestriction({ domain: ['example.com', '*.example.org'] });
    expect(isAllowedBy(pages, page(origin, referer))).toBe(allowed);
  });
});

describe('a restriction within another', () => {
  const ip = (...networks: string[]) => parseRestriction({ ip: networks });
  const domain = (...domains: string[]) => parseRestriction({ domain: domains });
  const all = parseRestriction({});

  it.each([
    [all, all, true],
    [ip('1.2.3.4'), all, true],
    [domain('a.com'), all, true],
    [all, ip('0.0.0.0/0'), false],
    [all, domain('a.com'), false],
    [ip('192.0.2.0/25', '10.1.1.1'), ip('10.0.0.0/8', '192.0.2.0/24'), true],
    [ip('192.0.2.0/25', '11.1.1.1'), ip('10.0.0.0/8', '192.0.2.0/24'), false],
    [ip('192.0.2.0/23'), ip('192.0.2.0/24'), false],
    [domain('a.com'), ip('192.0.2.0/24'), false],
    [ip('192.0.2.0/24'), domain('a.com'), false],
    [domain('a.com', 'x.b.com'), domain('*.b.com', 'a.com'), true],
    [domain('*.x.b.com'), domain('*.b.com'), true],
    [domain('*.b.com'), domain('*.b.com'), true],
    [domain('b.com'), domain('*.b.com'), false],
    [domain('*.b.com'), domain('b.com'), false],
    [domain('a.com', 'c.com'), domain('a.com'), false],
  ])('%j in %j: %s', (inner, outer, within) => {
    expect(isNoWider(inner, outer)).toBe(within);
  });
});
