import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, it } from 'vitest';
import { inspectEngines } from '../../../src/cli/doctor/engines.ts';
import { describeVariables } from '../../../src/cli/doctor/variables.ts';
import { loadConfig } from '../../../src/config.ts';
import { closeAll, listen } from '../../net/receivers.ts';

afterEach(closeAll);

async function mongoFinding(uri: string) {
  const { findings } = await inspectEngines(loadConfig({ MONGODB_URI: uri }));
  return findings.find(({ name }) => name === 'MongoDB');
}

it('the doctor finds a MongoDB that listens on a socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-doctor-'));
  const [host = '', port = ''] = (/\/\/([^/]+)\//.exec(inject('mongoUri'))?.[1] ?? '').split(':');
  const path = join(folder, 'mongodb-27017.sock');
  const server = createServer((socket) => {
    const onward = connect(Number(port), host);
    for (const side of [socket, onward]) side.on('error', () => {});
    socket.on('close', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  expect(await mongoFinding(`mongodb://${encodeURIComponent(path)}/kiln?directConnection=true`)).toEqual({
    name: 'MongoDB',
    state: 'ok',
    found: `answers at ${path}`,
  });
  server.close();
  await rm(folder, { recursive: true });
});

it('the doctor misses one that takes connections and never answers', async () => {
  const port = await listen(createServer(() => {}));
  expect(
    await mongoFinding(`mongodb://user:secret@127.0.0.1:${port}/kiln?directConnection=true`),
  ).toMatchObject({
    state: 'missing',
    found: `nothing answers at 127.0.0.1:${port}`,
  });
});

const PARSED = 'MONGODB_URI cannot be read';

it.each([
  ['a name without SRV record', 'mongodb+srv://user:s3cret@kiln.invalid/kiln', '_mongodb._tcp.kiln.invalid'],
  ['SRV with a port', 'mongodb+srv://user:s3cret@a.kiln.invalid:27017/kiln', PARSED],
  ['an @ in the password', 'mongodb://user:p@s3cret@kiln.invalid/kiln', PARSED],
  ['an @ in the password, by SRV', 'mongodb+srv://user:p@s3cret@kiln.invalid/kiln', PARSED],
  ['a % that encodes nothing', 'mongodb://user:s3cret@kiln%zz.invalid/kiln', PARSED],
])('the doctor says what is wrong with %s, and shows no password', async (_what, uri, found) => {
  const finding = await mongoFinding(uri);
  expect(finding).toMatchObject({ state: 'missing', found: expect.stringContaining(found) });
  const shown = JSON.stringify([finding, describeVariables(loadConfig({ MONGODB_URI: uri }))]);
  expect(shown).not.toContain('s3cret');
});
