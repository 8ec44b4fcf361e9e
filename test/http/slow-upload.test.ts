import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { newIntent, type Service, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

it('an upload whose bytes come one by one ends when its time is over', async () => {
  const expiresAt = new Date(Date.now() + 1500);
  const upload = await newIntent(service, 100_000, { expiresAt });
  const path = service.links.uploadPath(upload);
  const client = connect(service.port, '127.0.0.1');
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk;
  });
  client.on('error', () => {});
  client.write(`PUT ${path} HTTP/1.1\r\nHost: kiln\r\nContent-Length: 100000\r\n\r\n`);
  const dripping = setInterval(() => client.write('x'), 50);
  try {
    await vi.waitFor(() => expect(answer).toMatch(/^HTTP\/1\.1 410 .*UPLOAD_EXPIRED/s), 10_000);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime() - 50);
    expect(await service.storedBlobs()).toEqual([]);
  } finally {
    clearInterval(dripping);
    client.destroy();
  }
});
