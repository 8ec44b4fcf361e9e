import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { createHttpSender } from '../../src/net/fetch.ts';
import { createGuard } from '../../src/net/guard.ts';
import { closeAll, listen, post } from './receivers.ts';

afterEach(closeAll);

it('a connection that nobody uses is closed, and one that is in use is not', async () => {
  const open = new Set<unknown>();
  // Never closes a connection by itself.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    if (request.headers['x-slow']) await sleep(900);
    response.end('thank you');
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const port = await listen(server);
  const guard = createGuard({ allowedNetworks: ['127.0.0.0/8'], refusedPorts: () => [] });
  const sender = createHttpSender({ guard, version: 'test', idleMs: 300 });
  expect(await post(port, { headers: { 'x-slow': '1' } }, sender)).toMatchObject({ status: 200 });
  expect(open.size).toBe(1);
  await vi.waitFor(() => expect(open.size).toBe(0), 5000);
  expect(await post(port, {}, sender)).toMatchObject({ status: 200 });
  sender.close();
});
