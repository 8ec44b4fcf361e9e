import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { expect, inject, it, onTestFinished } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import type { JobStart } from '../../src/operations/workflow-runner.ts';
import { createWorkflowRunner } from '../../src/temporal/runner.ts';
import { quietRuntime } from '../support/harness/workflow-harness.ts';

const aStart = (): JobStart => ({
  jobId: newId(),
  owner: 'account:a',
  title: 'photo.png → webp',
  source: 'png',
  target: 'webp',
  size: 1,
  uploadDeadline: Date.now() + 60_000,
  hasCallback: false,
});

async function runnerAt(address: string, namespace: string) {
  quietRuntime();
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  const close = () => connection.close();
  onTestFinished(close);
  const runner = createWorkflowRunner({ client, connection, namespace, close }, 'errors');
  return { connection, runner };
}

/** Every call that the port makes of a job. */
async function errorsOf(runner: Awaited<ReturnType<typeof runnerAt>>['runner']) {
  const calls = [
    () => runner.startJob(aStart()),
    () => runner.uploadCompleted(aStart()),
    () => runner.cancelJob(aStart(), 'no more'),
    () => runner.admitJob({ ...aStart(), batchId: newId() }),
    () => runner.ping(),
  ];
  return Promise.all(calls.map((call) => call().catch((error: unknown) => error)));
}

it('a namespace without our search attributes is no outage: it is told once, and not tried for ever', async () => {
  const namespace = `bare-${newId()}`;
  const { connection, runner } = await runnerAt(inject('temporalAddress'), namespace);
  const missing = await runner.startJob(aStart()).catch((error: unknown) => error);
  expect(missing).toMatchObject({ code: 'INTERNAL', retryable: false });
  const seconds = 24 * 3600;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: seconds as never },
  });
  const innerCause = (error: unknown) =>
    String((error as Error).cause && ((error as Error).cause as Error).cause);
  await expect
    .poll(() => runner.startJob(aStart()).catch(innerCause), { timeout: 30_000 })
    .toContain('search attribute');
  const [started, completed, cancelled, admitted] = await errorsOf(runner);
  for (const error of [started, completed, cancelled, admitted]) {
    expect(error).toMatchObject({ code: 'INTERNAL', retryable: false });
    expect((error as Error).message).toMatch(/number [\w-]{36}/);
  }
}, 60_000);

it('a Temporal that is gone is away, by whatever call it is noticed', async () => {
  const [host = '', port = ''] = inject('temporalAddress').split(':');
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { runner } = await runnerAt(address, 'default');
  server.close();
  for (const socket of sockets) socket.destroy();
  for (const error of await errorsOf(runner)) expect(error).toMatchObject({ code: 'UNAVAILABLE' });
}, 60_000);
