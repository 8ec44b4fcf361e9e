import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { ConversionError } from '../domain/errors.ts';
import { isAllowedAddress, parseNetwork } from './address.ts';

/** Resolves a name to all of its addresses, as dns.lookup does. */
export type Resolver = (
  hostname: string,
  options: { all: true; family?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What the operator allows and what stays shut whatever is allowed. */
export interface GuardOptions {
  /** CIDR ranges that may be reached although they are not on the open Internet. */
  allowedNetworks: readonly string[];
  /** Ports of our own database and engines; asked each time, since they are known only after the start. */
  refusedPorts: () => readonly number[];
  resolver?: Resolver;
}

/** Stands before every outgoing connection; it needs both halves, since IP literals never reach `lookup`. */
export interface Guard {
  /**
   * Parses a URL once; connect to what it returns, not to the text.
   * @throws ConversionError INVALID_INPUT or BLOCKED_ADDRESS.
   */
  checkUrl(url: string): URL;
  /** Resolves for a connection, which then goes to exactly the addresses that were checked. */
  lookup: LookupFunction;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** RFC 6761: these names are loopback by definition; refusing them early tells the user at once. */
const LOCALHOST = /^(.+\.)?localhost\.?$/;
const LOOPBACK = ['127.0.0.1', '::1'];
/** Parsers disagree about these: some drop them, some turn a backslash into a slash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;

/** Builds the guard that all of Kiln's outgoing requests pass. */
export function createGuard(options: GuardOptions): Guard {
  const resolver: Resolver = options.resolver ?? systemLookup;
  const allowed = options.allowedNetworks.map(networkOf);
  const isAllowed = (address: string) => isAllowedAddress(address, allowed);

  return {
    checkUrl(text) {
      const url = parseUrl(text);
      const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
      if (port === undefined || options.refusedPorts().includes(port)) throw blocked();
      const addresses = literalAddresses(url.hostname);
      if (addresses.length > 0 && !addresses.some(isAllowed)) throw blocked();
      return url;
    },

    lookup(hostname, { all, family }, callback) {
      const asked = { all: true as const, ...(typeof family === 'number' && { family }) };
      resolver(hostname, asked, (error, addresses) => {
        if (error) return callback(error, '');
        const [first] = addresses;
        // One bad address among good ones is how rebinding begins: the whole answer is refused.
        if (!first || !addresses.every(({ address }) => isAllowed(address))) return callback(blocked(), '');
        if (all) return callback(null, addresses);
        callback(null, first.address, first.family);
      });
    },
  };
}

function parseUrl(text: string): URL {
  const url = AMBIGUOUS.test(text) ? null : URL.parse(text);
  if (!url || !Object.hasOwn(DEFAULT_PORTS, url.protocol)) {
    throw new ConversionError('INVALID_INPUT', 'The address must be an absolute http or https URL.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConversionError('INVALID_INPUT', 'The address must not contain a user name or password.');
  }
  return url;
}

/** The addresses that a host names without any DNS; none for an ordinary name. */
function literalAddresses(hostname: string): string[] {
  if (LOCALHOST.test(hostname)) return LOOPBACK;
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? [] : [bare];
}

function networkOf(cidr: string) {
  const network = parseNetwork(cidr);
  if (!network) throw new ConversionError('INVALID_INPUT', 'An allowed network must be a CIDR range.');
  return network;
}

/** Says nothing about what was resolved: the answer must not map the inside of the network. */
function blocked(): ConversionError {
  return new ConversionError('BLOCKED_ADDRESS', 'The address is not allowed.');
}
