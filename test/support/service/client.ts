import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import sharp from 'sharp';
import { createGraphqlClient } from '../../../src/cli/service-client/graphql-client.ts';
import { type KilnProcess, until } from './kiln-process.ts';

interface Prepared {
  job: { jobId: string; status: string; converterSlug: string };
  upload: {
    mode: string;
    method: string;
    url: string;
    headers: Record<string, string>;
    completeUrl?: string;
    fieldName?: string;
  };
  statusToken: string;
  guestToken?: string;
}

interface SwapmyfileJob {
  jobId: string;
  status: string;
  outputFilename: string;
  downloadUrl?: string;
  error?: { code: string; message: string };
  callback?: { url: string; status: string; attempts: number };
}

/** A key of a new account with this plan, made by the operator. */
export async function newAccountKey(
  { url, credentials }: Pick<KilnProcess, 'url' | 'credentials'>,
  plan: string,
): Promise<string> {
  const admin = createGraphqlClient({ url, adminToken: credentials.adminToken });
  const { createAccount } = await admin.request<{ createAccount: { account: { accountId: string } } }>(
    'mutation($plan: ID!) { createAccount(name: "Other", plan: $plan) { ... on AccountSuccess { account { accountId } } } }',
    { plan },
  );
  const { createApiKey } = await admin.request<{ createApiKey: { apiKey: string } }>(
    'mutation($id: ID!) { createApiKey(input: { accountId: $id, name: "key" }) { ... on ApiKeySecrets { apiKey } } }',
    { id: createAccount.account.accountId },
  );
  await admin.close();
  return createApiKey.apiKey;
}

/** A client of SwapMyFile's dialect, as the seed's quickstart describes one. */
export function createSwapmyfileClient(url: string, apiKey?: string) {
  const auth: Record<string, string> = apiKey ? { 'x-api-key': apiKey } : {};

  async function prepare(body: Record<string, unknown>): Promise<Prepared> {
    const answer = await fetch(`${url}/uploads/prepare`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...auth },
      body: JSON.stringify(body),
    });
    const json = await answer.json();
    if (answer.status !== 201) throw new Error(`prepare answered ${answer.status}: ${JSON.stringify(json)}`);
    return json;
  }

  async function upload({ upload: target }: Prepared, bytes: Uint8Array): Promise<void> {
    const put = await fetch(target.url, {
      method: target.method,
      headers: target.headers,
      body: Uint8Array.from(bytes),
    });
    if (!put.ok) throw new Error(`upload answered ${put.status}: ${await put.text()}`);
    const done = await fetch(target.completeUrl ?? '', { method: 'POST' });
    if (!done.ok) throw new Error(`complete answered ${done.status}: ${await done.text()}`);
  }

  async function job(jobId: string, headers: Record<string, string> = auth): Promise<SwapmyfileJob> {
    const answer = await fetch(`${url}/jobs/${jobId}`, { headers });
    const json = await answer.json();
    if (answer.status !== 200) throw new Error(`job answered ${answer.status}: ${JSON.stringify(json)}`);
    return json.job;
  }

  return {
    prepare,
    upload,
    job,

    async ended(jobId: string, timeoutMs = 30_000): Promise<SwapmyfileJob> {
      let last: SwapmyfileJob | undefined;
      await until(
        async () => {
          last = await job(jobId);
          return last.status === 'ready' || last.status === 'failed';
        },
        timeoutMs,
        () => JSON.stringify(last),
      );
      return last as SwapmyfileJob;
    },

    async download(path: string): Promise<Buffer> {
      const answer = await fetch(new URL(path, url));
      if (answer.status !== 200) throw new Error(`download answered ${answer.status}`);
      return Buffer.from(await answer.arrayBuffer());
    },
  };
}

/** A picture with content that a fingerprint can tell apart. */
export function picture(
  width: number,
  height: number,
  format: 'png' | 'jpeg' | 'webp' = 'png',
): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i += 1) {
    pixels[i * 3] = ((i % width) * 255) / width;
    pixels[i * 3 + 1] = (Math.floor(i / width) * 255) / height;
    pixels[i * 3 + 2] = 120;
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    [format]()
    .toBuffer();
}

/** A picture of noise: the encoder has to work for it. */
export async function noise(width: number, height: number): Promise<Buffer> {
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: 'black',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

/** A webhook receiver that answers with the given statuses in turn, then 200. */
export async function createReceiver(statuses: number[] = []) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request), at: Date.now() });
    response.statusCode = statuses.shift() ?? 200;
    response.end('thanks');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks/swapmyfile`,
    received,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a receiver does: compare in constant time over the raw bytes. */
export function signatureMatches(secret: string, { headers, body }: Received): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(String(headers['x-swapmyfile-signature']));
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** What a prepare announces. */
export const hero = {
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: 10,
};

/** How a prepare with this key is answered. */
export async function statusOf(url: string, apiKey: string): Promise<number> {
  const answer = await fetch(`${url}/uploads/prepare`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': apiKey },
    body: JSON.stringify(hero),
  });
  await answer.arrayBuffer();
  return answer.status;
}
