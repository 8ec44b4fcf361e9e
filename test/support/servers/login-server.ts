import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

const AUDIENCE = 'kiln';

/** One of the keys that it signs with. */
interface LoginKey {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** What a token says and how it is signed; whatever is not given is as it should be. */
interface TokenRequest {
  claims?: { [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };
  header?: Record<string, unknown>;
  key?: LoginKey;
  /** Seconds from now. */
  issuedIn?: number;
  expiresIn?: number;
}

export type LoginServer = Awaited<ReturnType<typeof openLoginServer>>;

/** A little login server on this machine: discovery, keys, tokens. */
export async function openLoginServer() {
  let published: LoginKey[] = [];
  let away: 'refuses' | 'lies' | null = null;
  const asked: string[] = [];
  const server = createServer(async ({ url = '' }, response) => {
    asked.push(url);
    if (away === 'refuses') return void response.writeHead(500).end('{}');
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': {
        issuer: away === 'lies' ? 'https://somebody.else' : issuer,
        jwks_uri: `${issuer}/keys`,
      },
      '/keys': {
        keys: await Promise.all(
          published.map(async ({ kid, alg, publicKey }) => ({
            ...(await exportJWK(publicKey)),
            kid,
            alg,
            use: 'sig',
          })),
        ),
      },
    };
    response.setHeader('Content-Type', 'application/json');
    response.writeHead(url in documents ? 200 : 404).end(JSON.stringify(documents[url]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [key] = [await newKey('RS256')];
  published = [key];

  async function newKey(alg: string): Promise<LoginKey> {
    const pair = await generateKeyPair(alg, { extractable: true });
    return { kid: `${alg}-${Math.random()}`, alg, ...pair };
  }

  return {
    issuer,
    /** What a service that trusts it is configured with. */
    oidc: {
      issuer,
      audience: AUDIENCE,
      jwksUrl: undefined as string | undefined,
      accountClaim: 'kiln_account',
    },
    key,
    newKey,
    publish: (...keys: LoginKey[]) => {
      published = keys;
    },
    /** Takes it down, or lets it speak for somebody else. */
    fail: (how: typeof away) => {
      away = how;
    },
    /** How often each of its addresses was asked for. */
    count: (path: string) => asked.filter((url) => url === path).length,

    token(request: TokenRequest = {}): Promise<string> {
      const { claims = {}, header = {}, issuedIn = 0, expiresIn = 300 } = request;
      const by = request.key ?? key;
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        iss: issuer,
        aud: AUDIENCE,
        sub: 'ada',
        iat: now + issuedIn,
        exp: now + expiresIn,
        ...claims,
      };
      // What is undefined is left out, as JSON does.
      return new SignJWT(JSON.parse(JSON.stringify(payload)))
        .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
        .sign(by.privateKey);
    },
    /** The public key as the text that some libraries take for a shared secret. */
    publicText: () => exportSPKI(key.publicKey),

    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
