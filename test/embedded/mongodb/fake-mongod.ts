// Stands in for mongod: just enough of the wire protocol to be made the primary of a replica set of one. As the
// real one, it needs a while to load a stored configuration: until then it has none (94), refuses a new one
// (23), and drops every connection when it has found out whether it is a member.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { BSON, type Document } from 'mongodb';

const OP_MSG = 2013;
const HEADER_BYTES = 16;
const args = process.argv.slice(2);
const flagValue = (flag: string) => args[args.indexOf(flag) + 1] ?? '';

if (args.includes('--version')) {
  process.stdout.write('db version v8.0.4\nBuild Info: {}\n');
  process.exit(0);
}
const port = Number(flagValue('--port'));
const host = `127.0.0.1:${port}`;
const statePath = join(flagValue('--dbpath'), 'replica-set.json');
const readConfig = (): Document | undefined =>
  existsSync(statePath) ? JSON.parse(readFileSync(statePath, 'utf8')) : undefined;
const saveConfig = (config: Document) => writeFileSync(statePath, JSON.stringify(config));
const compatibilityPath = join(flagValue('--dbpath'), 'compatibility');
const sockets = new Set<Socket>();
/** Commands about the replica set that a stored configuration takes to load. */
let untilLoaded = existsSync(statePath) ? 6 : 0;

/** The answer while the stored configuration is loading; undefined when it is loaded. */
function loading(command: Document): Document | undefined {
  if (untilLoaded === 0 || !(command.replSetGetConfig || command.replSetInitiate)) return undefined;
  untilLoaded -= 1;
  if (untilLoaded === 0) for (const socket of sockets) socket.destroy();
  return command.replSetInitiate
    ? { ok: 0, code: 23, errmsg: 'already initialized' }
    : { ok: 0, code: 94, errmsg: 'no replset config has been received' };
}

/** A set whose other members are away: it confirms nothing, and says so only to whoever does not wait for ever. */
function withoutMajority(command: Document): Document | undefined {
  if (!command.insert || !existsSync(join(flagValue('--dbpath'), 'without-majority'))) return undefined;
  if (!command.writeConcern?.wtimeout) return { silent: true };
  const writeConcernError = { code: 64, errmsg: 'waiting for replication timed out' };
  return { ok: 1, n: 1, writeConcernError };
}

/** New data is as compatible as one version before, so that it has to be raised. */
function compatibility(command: Document): Document | undefined {
  if (command.setFeatureCompatibilityVersion) {
    if (!command.confirm) return { ok: 0, code: 7369100, errmsg: 'it has to be confirmed' };
    writeFileSync(compatibilityPath, command.setFeatureCompatibilityVersion);
    return { ok: 1 };
  }
  if (!command.getParameter) return undefined;
  const version = existsSync(compatibilityPath) ? readFileSync(compatibilityPath, 'utf8') : '7.0';
  return { ok: 1, featureCompatibilityVersion: { version } };
}

function answer(command: Document): Document {
  const special = loading(command) ?? compatibility(command) ?? withoutMajority(command);
  if (special) return special;
  const config = readConfig();
  if (command.replSetInitiate) saveConfig({ version: 1, ...command.replSetInitiate });
  if (command.replSetReconfig) {
    if (!command.force) return { ok: 0, code: 10107, errmsg: 'not primary' };
    saveConfig(command.replSetReconfig);
    for (const socket of sockets) socket.destroy();
  }
  if (command.replSetGetConfig) {
    return config ? { ok: 1, config } : { ok: 0, code: 94, errmsg: 'no replset config has been received' };
  }
  if (command.listIndexes) {
    return { ok: 1, cursor: { id: 0n, ns: `${command.$db}.${command.listIndexes}`, firstBatch: [] } };
  }
  const isWritablePrimary = untilLoaded === 0 && config?.members[0].host === host;
  return {
    ok: 1,
    isWritablePrimary,
    ismaster: isWritablePrimary,
    helloOk: true,
    ...(config ? { setName: config._id, hosts: [config.members[0].host], me: host } : { isreplicaset: true }),
    minWireVersion: 0,
    maxWireVersion: 25,
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
  };
}

/** OP_MSG with one body section; OP_QUERY, the first hello's envelope, is answered alike by its own reply. */
function reply(message: Buffer, socket: Socket): void {
  const isMsg = message.readInt32LE(12) === OP_MSG;
  const body = isMsg ? message.subarray(21) : message.subarray(message.indexOf(0, 20) + 9);
  const answered = answer(BSON.deserialize(body.subarray(0, body.readInt32LE(0))));
  if (answered.silent) return;
  const document = Buffer.from(BSON.serialize(answered));
  const envelope = isMsg ? Buffer.alloc(5) : Buffer.alloc(20);
  if (!isMsg) envelope.writeInt32LE(1, 16);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + envelope.length + document.length, 0);
  header.writeInt32LE(message.readInt32LE(4), 8);
  header.writeInt32LE(isMsg ? OP_MSG : 1, 12);
  socket.write(Buffer.concat([header, envelope, document]));
}

createServer((socket) => {
  let pending = Buffer.alloc(0);
  socket.on('error', () => {});
  sockets.add(socket.on('close', () => sockets.delete(socket)));
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
      const length = pending.readInt32LE(0);
      reply(pending.subarray(0, length), socket);
      pending = pending.subarray(length);
    }
  });
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => {
  const close = () => {
    writeFileSync(join(flagValue('--dbpath'), 'closed'), '');
    process.exit(0);
  };
  if (args.includes('--closes-slowly')) setTimeout(close, 3000);
  else close();
});
