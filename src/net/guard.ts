import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { KilnError } from '../domain/errors.ts';
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
   * Parses a URL once; connect to what it returns, not to the text. `base` is where a redirect came from.
   * @throws KilnError INVALID_INPUT or BLOCKED_ADDRESS.
   */
  checkUrl(url: string, base?: URL): URL;
  /**
   * The same for a host and port outside of any URL, such as an FTP server or its reply to PASV.
   * @returns the host in its one spelling; a name still has to pass `lookup`.
   */
  checkPeer(host: string, port: number): string;
  /** Resolves for a connection, which then goes to exactly the addresses that were checked. */
  lookup: LookupFunction;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** RFC 6761: these names are loopback by definition; refusing them early tells the user at once. */
const LOCALHOST = /^(.+\.)?localhost\.?$/;
/** Got takes this for the path of a socket on this machine. */
const UNIX_SOCKET = 'unix';
const LOOPBACK = ['127.0.0.1', '::1'];
/** Parsers disagree about these: some drop them, some turn a backslash into a slash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;

/** Builds the guard that all of Kiln's outgoing requests pass. */
export function createGuard(options: GuardOptions): Guard {
  const resolver: Resolver = options.resolver ?? systemLookup;
  const allowed = options.allowedNetworks.map(networkOf);
  const isAllowed = (address: string) => isAllowedAddress(address, allowed);

  const check = (hostname: string, port: number | undefined) => {
    if (port === undefined || options.refusedPorts().includes(port)) throw blocked();
    const addresses = literalAddresses(hostname);
    if (hostname === UNIX_SOCKET || (addresses.length > 0 && !addresses.some(isAllowed))) throw blocked();
  };

  return {
    checkUrl(text, base) {
      const url = parseUrl(text, base);
      check(url.hostname, url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port));
      return url;
    },

    checkPeer(host, port) {
      const hostname = parseHost(host);
      if (!Number.isInteger(port) || port < 1 || port > 65_535) throw blocked();
      check(hostname, port);
      return hostname.replace(/^\[(.*)\]$/, '$1');
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

/** Resolvers read more spellings of an address than any URL has; the URL parser knows them all. */
function parseHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const isAmbiguous = AMBIGUOUS.test(host) || (isIP(bare) !== 6 && /[/?#@:]/.test(host));
  const url = isAmbiguous ? null : URL.parse(`http://${isIP(bare) === 6 ? `[${bare}]` : host}/`);
  if (url) return url.hostname;
  throw new KilnError('INVALID_INPUT', 'The host must be a name or an address.');
}

function parseUrl(text: string, base?: URL): URL {
  const url = AMBIGUOUS.test(text) ? null : URL.parse(text, base?.href);
  if (!url || !Object.hasOwn(DEFAULT_PORTS, url.protocol)) {
    throw new KilnError('INVALID_INPUT', 'The address must be an absolute http or https URL.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new KilnError('INVALID_INPUT', 'The address must not contain a user name or password.');
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
  if (!network) throw new KilnError('INVALID_INPUT', 'An allowed network must be a CIDR range.');
  return network;
}

/** Says nothing about what was resolved: the answer must not map the inside of the network. */
function blocked(): KilnError {
  return new KilnError('BLOCKED_ADDRESS', 'The address is not allowed.');
}
