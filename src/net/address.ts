import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** A parsed CIDR range. */
type Network = [Address, number];

/** The only block of the public IPv6 Internet; ipaddr.js calls the rest unicast as well. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
/**
 * Azure's host service: a public number that every virtual machine there reaches without leaving its host.
 */
const AZURE_HOST = ipaddr.IPv4.parse('168.63.129.16');

/** Parses a CIDR range; returns undefined when it is none. */
export function parseNetwork(cidr: string): Network | undefined {
  return ipaddr.isValidCIDR(cidr) ? ipaddr.parseCIDR(cidr) : undefined;
}

/**
 * Whether an IP address is on the public Internet or in an allowed network; false for text that is none.
 * Compares numbers, so the spelling does not matter.
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

/** Whether an IPv4 address hides in it: ISATAP (RFC 5214) has the interface id 0000:5efe or 0200:5efe. */
function isIsatap(address: ipaddr.IPv6): boolean {
  const [flags, marker] = address.parts.slice(4, 6);
  return marker === 0x5efe && (flags === 0 || flags === 0x0200);
}

function contains([base, bits]: Network, address: Address): boolean {
  // ipaddr.js throws when it is asked to compare an IPv4 with an IPv6 address.
  return base.kind() === address.kind() && address.match(base, bits);
}
