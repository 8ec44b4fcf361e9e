import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** A parsed CIDR range. */
export type Network = [Address, number];

/** Only this block is handed out for the open IPv6 Internet; ipaddr.js calls the rest unicast as well. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** Azure's host service: a public number that every virtual machine there reaches without leaving its host. */
const AZURE_HOST = ipaddr.IPv4.parse('168.63.129.16');

/** Parses a CIDR range; undefined when it is none. */
export function parseNetwork(cidr: string): Network | undefined {
  return ipaddr.isValidCIDR(cidr) ? ipaddr.parseCIDR(cidr) : undefined;
}

/**
 * Whether an address may be reached: it is on the open Internet, or in an allowed network.
 * It is judged as a number, so no spelling of it matters; what does not parse is refused.
 */
export function isAllowedAddress(text: string, allowed: readonly Network[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return isPublic(address) || allowed.some((network) => contains(network, address));
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv6) return address.match(GLOBAL_IPV6) && !isIsatap(address);
  return !address.match(AZURE_HOST, 32);
}

/** ISATAP (RFC 5214) hides an IPv4 address behind any prefix: interface id 0000:5efe or 0200:5efe. */
function isIsatap(address: ipaddr.IPv6): boolean {
  const [flags, marker] = address.parts.slice(4, 6);
  return marker === 0x5efe && (flags === 0 || flags === 0x0200);
}

function contains([base, bits]: Network, address: Address): boolean {
  // ipaddr.js throws when it is asked to compare an IPv4 with an IPv6 address.
  return base.kind() === address.kind() && address.match(base, bits);
}
