import { KilnError } from '../errors.ts';
import { isInNetworks, isSubnet, parseNetwork, parseNetworks, type Sender } from './client-address.ts';

/**
 * From where a key may be used. A domain is checked against what a browser says of the page: it keeps
 * other people's pages out, but whoever writes a program can say anything.
 */
export type KeyRestriction =
  | { type: 'all' }
  | { type: 'ip'; networks: string[] }
  | { type: 'domain'; domains: string[] };

/** A request for a restriction, as callers write one: at most one of the two lists. */
export interface RestrictionRequest {
  ip?: readonly string[] | null | undefined;
  domain?: readonly string[] | null | undefined;
}

const MAX_ENTRIES = 100;
/** A host name of at least two labels, with `*.` in front for everything below it. */
const DOMAIN_RULE =
  /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws KilnError INVALID_INPUT that names the entry that is none. */
export function parseRestriction({ ip, domain }: RestrictionRequest): KeyRestriction {
  if (ip && domain) throw invalid('A key is restricted by address or by domain, not by both.');
  if (ip) {
    const wrong = requireEntries(ip).find((entry) => parseNetwork(entry) === null);
    if (wrong === undefined) return { type: 'ip', networks: [...ip] };
    throw invalid(`"${wrong}" is not an IP address or CIDR range.`);
  }
  if (!domain) return { type: 'all' };
  const domains = requireEntries(domain).map((entry) => entry.toLowerCase());
  const wrong = domains.find((entry) => !DOMAIN_RULE.test(entry));
  if (wrong === undefined) return { type: 'domain', domains };
  throw invalid(`"${wrong}" is not a domain such as example.com or *.example.com.`);
}

/** Whether a request may use a key; `address` is the sender's, as far as it can be believed. */
export function isAllowedBy(
  restriction: KeyRestriction,
  sender: Sender & { address: string | null },
): boolean {
  if (restriction.type === 'all') return true;
  if (restriction.type === 'ip') {
    return sender.address !== null && isInNetworks(sender.address, parseNetworks(restriction.networks));
  }
  const host = pageHostOf(sender);
  return host !== null && restriction.domains.some((rule) => matchesDomain(rule, host));
}

/** Whether all places that one restriction allows are allowed by the other one as well. */
export function isNoWider(inner: KeyRestriction, outer: KeyRestriction): boolean {
  if (outer.type === 'all') return true;
  if (inner.type === 'ip' && outer.type === 'ip')
    return inner.networks.every((small) => outer.networks.some((large) => isSubnet(small, large)));
  if (inner.type === 'domain' && outer.type === 'domain')
    return inner.domains.every((small) => outer.domains.some((large) => coversRule(large, small)));
  return false;
}

/** A browser that sends an Origin means it, also when it says "null": the Referer is only asked without one. */
function pageHostOf({ origin, referer }: Sender): string | null {
  const url = URL.parse(origin ?? referer ?? '');
  return url && /^https?:$/.test(url.protocol) ? url.hostname.replace(/\.$/, '') : null;
}

function matchesDomain(rule: string, host: string): boolean {
  return rule.startsWith('*.') ? host.endsWith(rule.slice(1)) : host === rule;
}

/** `*.example.com` covers itself, `*.a.example.com` and `a.example.com`, but not `example.com`. */
function coversRule(large: string, small: string): boolean {
  return small === large || (large.startsWith('*.') && small.endsWith(large.slice(1)));
}

function requireEntries(entries: readonly string[]): readonly string[] {
  if (entries.length > 0 && entries.length <= MAX_ENTRIES) return entries;
  throw invalid(`A restriction needs 1 to ${MAX_ENTRIES} entries, not ${entries.length}.`);
}

function invalid(message: string): KilnError {
  return new KilnError('INVALID_INPUT', message, { field: 'restriction' });
}
