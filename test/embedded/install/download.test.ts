import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startEmbedded } from '../../../src/embedded/embedded.ts';
import { downloadFile } from '../../../src/embedded/install/download.ts';
import { TEMPORAL_CLI } from '../../../src/embedded/install/versions.ts';
import { provideMongod } from '../../../src/embedded/mongodb/mongod-binary.ts';
import { realEngines } from '../engines.ts';
import { deadSite, downloadSite, temporaryFolder, withoutPrograms } from '../stand-ins.ts';

const PEM = join(import.meta.dirname, '..', '..', 'net', 'self-signed.pem');

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A forward proxy that sends every request to one server; `asked` are the hosts that it was asked for. */
async function proxyTo(port: number) {
  const asked: string[] = [];
  const proxy = createHttpServer((incoming, answer) => {
    asked.push(new URL(incoming.url ?? '').host);
    request({ port, host: '127.0.0.1', path: new URL(incoming.url ?? '').pathname }, (response) => {
      answer.writeHead(response.statusCode ?? 0, response.headers);
      response.pipe(answer);
    }).end();
  });
  proxy.on('connect', ({ url }, socket) => {
    asked.push(url ?? '');
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  return { url: `http://127.0.0.1:${await listening(proxy)}`, asked };
}

/** Sets variables for one test, and unsets what would interfere. */
function environment(values: Record<string, string>): void {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, values);
  onTestFinished(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

async function download(url: string): Promise<string> {
  const path = join(await temporaryFolder(), 'file');
  await downloadFile({ url, path, label: 'It', onProgress: () => {} });
  return readFile(path, 'utf8');
}

describe('the download of an engine', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('goes through the proxy of %s', async (name) => {
    const site = await downloadSite(() => 'engine');
    const { url, asked } = await proxyTo(Number(new URL(site.url).port));
    environment({ [name]: url });
    expect(await download('http://downloads.invalid/mongod')).toBe('engine');
    expect(asked).toEqual(['downloads.invalid']);
  });

  it('goes past the proxy for what NO_PROXY names', async () => {
    const site = await downloadSite(() => 'engine');
    environment({ HTTP_PROXY: await deadSite(), NO_PROXY: '127.0.0.1' });
    expect(await download(`${site.url}/mongod`)).toBe('engine');
  });

  it('follows redirects', async () => {
    environment({});
    const site = await downloadSite(() => 'engine');
    const port = await listening(
      createHttpServer((_request, answer) => answer.writeHead(302, { location: `${site.url}/there` }).end()),
    );
    expect(await download(`http://127.0.0.1:${port}/here`)).toBe('engine');
    expect(site.requests).toEqual(['/there']);
  });

  it('names the proxy that does not answer', async () => {
    const dead = await deadSite();
    environment({ HTTPS_PROXY: dead.replace('//', '//user:secret@') });
    await expect(download('https://downloads.invalid/mongod')).rejects.toThrow(
      `cannot be reached through the proxy ${new URL(dead).host}`,
    );
  });

  it('says what to do about a proxy that signs its own certificates', async () => {
    const pem = await readFile(PEM);
    const tls = createHttpsServer({ key: pem, cert: pem }, (_request, answer) => answer.end('engine'));
    const { url, asked } = await proxyTo(await listening(tls));
    environment({ HTTPS_PROXY: url });
    await expect(download('https://downloads.invalid/mongod')).rejects.toThrow('NODE_EXTRA_CA_CERTS');
    expect(asked).toEqual(['downloads.invalid:443']);
  });
});

describe('an engine that cannot be had', () => {
  it('names KILN_CACHE_DIR when the cache cannot be written', async () => {
    const cacheDir = '/proc/kiln-cache';
    const site = await downloadSite(() => 'engine');
    const provided = provideMongod({ cacheDir, mirror: site.url, onProgress: () => {} });
    await expect(provided).rejects.toThrow(
      `the cache folder ${cacheDir} cannot be written (ENOENT); set KILN_CACHE_DIR to one that can`,
    );
  });

  it('does not hide the other one, which cannot be had either', async () => {
    await withoutPrograms('temporal', 'mongod', 'java', 'python3', 'pip3', 'pip');
    const dead = await deadSite();
    const options = realEngines(await temporaryFolder(), {
      cacheDir: await temporaryFolder(),
      sources: { temporal: { ...TEMPORAL_CLI, downloads: dead }, mongodMirror: dead },
    });
    const { message } = await startEmbedded(options).catch((error) => error);
    expect(message).toContain('Temporal could not be provided. Tried in this order:');
    expect(message).toContain('MongoDB could not be provided. Tried in this order:');
    expect(message).toMatch(/TEMPORAL_ADDRESS[\s\S]*MONGODB_URI/);
  });
});
