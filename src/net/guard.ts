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

/** Which addresses and ports outgoing requests may reach. */
export interface GuardOptions {
  /** CIDR ranges that may be reached although they are not on the public Internet. */
  allowedNetworks: readonly string[];
  /**
   * Returns ports that are never reached: of our own database and engines. Called for each check, since they
   * are known only after the start.
   */
  refusedPorts: () => readonly number[];
  /** The resolver of the system unless given. */
  resolver?: Resolver;
}

/**
 * Checks every outgoing connection. Each needs both halves: IP literals never reach `lookup`, and only there
 * are names resolved.
 */
export interface Guard {
  /**
   * Parses and checks a URL. Connect to what it returns, not to the text. `base` is where a redirect came from.
   * @throws KilnError INVALID_INPUT when it is no http or https URL, BLOCKED_ADDRESS for an address or port.
   */
  checkUrl(url: string, base?: URL): URL;
  /**
   * Checks a host and port outside of any URL, such as an FTP server or its reply to PASV. Returns the host in
   * its one spelling; a name still has to pass `lookup`.
   * @throws KilnError as `checkUrl` does.
   */
  checkPeer(host: string, port: number): string;
  /** Resolves and checks a name for a connection, which then goes to exactly these addresses. */
  lookup: LookupFunction;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** Loopback by definition (RFC 6761); checked without DNS, so that the user is told at once. */
const LOCALHOST = /^(.+\.)?localhost\.?$/;
/** A host that got takes for a Unix socket of this machine. */
const UNIX_SOCKET = 'unix';
const LOOPBACK = ['127.0.0.1', '::1'];
/** Characters that parsers disagree about: some drop them, some turn a backslash into a slash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;

/**
 * Builds the guard that all of Kiln's outgoing requests pass.
 * @throws KilnError for a network that is no CIDR range.
 */
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

/** Returns the host in the URL parser's spelling: resolvers read an address in many others. */
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

/** Returns the addresses that a host names without DNS; none for an ordinary name. */
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

/** Returns the error; it says nothing about what was resolved, since that would map the inner network. */
function blocked(): KilnError {
  return new KilnError('BLOCKED_ADDRESS', 'The address is not allowed.', {
    hint: 'Give a public address; the operator of the service allows others with KILN_ALLOWED_NETWORKS.',
  });
}
