import ipaddr from 'ipaddr.js';

/** What a request brings along about its sender; only the peer is not the sender's own word. */
export interface Sender {
  /** The address at the other end of the connection. */
  peer: string | null;
  forwardedFor: string | null;
  origin: string | null;
  referer: string | null;
}

/** Where nothing is known, as for calls from within. */
export const UNKNOWN_SENDER: Sender = { peer: null, forwardedFor: null, origin: null, referer: null };

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** A range of addresses; a single address is a range of one. */
export type Network = readonly [Address, number];

/** Reads an address or a CIDR range; null when it is neither. */
export function parseNetwork(text: string): Network | null {
  if (ipaddr.isValidCIDR(text)) {
    const [base, bits] = ipaddr.parseCIDR(text);
    // No address is compared in this form, so neither must a range be.
    const isMapped = base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96;
    return isMapped ? [base.toIPv4Address(), bits - 96] : [base, bits];
  }
  const address = parseAddress(text);
  return address && [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Reads what was checked before; whatever is no network matches nothing. */
export function parseNetworks(entries: readonly string[]): Network[] {
  return entries.map(parseNetwork).filter((network) => network !== null);
}

/** Whether the address lies in one of the ranges, however it is spelled. */
export function isInNetworks(text: string, networks: readonly Network[]): boolean {
  const address = parseAddress(text);
  return address !== null && isWithin(networks, address);
}

/** Whether every address of one range, written as an address or CIDR, lies in the other one. */
export function isSubnet(inner: string, outer: string): boolean {
  const [small, large] = [parseNetwork(inner), parseNetwork(outer)];
  return small !== null && large !== null && small[1] >= large[1] && isWithin([large], small[0]);
}

/**
 * The address of whoever asks. X-Forwarded-For is read from the right, for as long as the hop that
 * wrote the entry is a proxy of ours: everything further left is the client's own invention.
 */
export function clientAddressOf(
  { peer, forwardedFor }: Pick<Sender, 'peer' | 'forwardedFor'>,
  trustedProxies: readonly Network[],
): string | null {
  let client = parseAddress(peer ?? '');
  for (const hop of (forwardedFor ?? '').split(',').toReversed()) {
    const next = parseAddress(withoutPort(hop.trim()));
    if (!client || !next || !isWithin(trustedProxies, client)) break;
    client = next;
  }
  return client?.toString() ?? null;
}

/** What stands for one household or machine: an IPv4 address, or the /64 that an IPv6 host is given. */
export function addressBucket(text: string): string {
  const address = parseAddress(text);
  if (!(address instanceof ipaddr.IPv6)) return address?.toString() ?? 'unknown';
  return `${new ipaddr.IPv6([...address.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
}

/** An IPv4 address written as IPv6 is that IPv4 address. */
function parseAddress(text: string): Address | null {
  const bare = text.replace(/%.*$/, '');
  // ipaddr.js also takes 1, 0x7f.1 and other forms that no socket or proxy writes.
  const isUsual = bare.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(bare);
  return isUsual && ipaddr.isValid(bare) ? ipaddr.process(bare) : null;
}

/** ipaddr.js throws when it is asked to compare an IPv4 with an IPv6 address. */
function isWithin(networks: readonly Network[], address: Address): boolean {
  return networks.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
}

/** Some proxies append the port of the connection. */
function withoutPort(hop: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([^:]+):\d+)$/.exec(hop) ?? [];
  return bracketed ?? plain ?? hop;
}
