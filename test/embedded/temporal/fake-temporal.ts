// Stands in for Temporal's command line: says its version, writes down its arguments and answers as healthy.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http2';

const args = process.argv.slice(2);
const flagValue = (flag: string) => args[args.indexOf(flag) + 1] ?? '';

if (args.includes('--version')) {
  process.stdout.write('temporal version 9.9.9 (Server 9.9.9, UI 9.9.9)\n');
  process.exit(0);
}
if (args[0] === 'operator') {
  process.stdout.write('Search attributes have been added\n');
  process.exit(0);
}
appendFileSync(`${flagValue('--db-filename')}.args`, `${JSON.stringify(args)}\n`);
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
const server = createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(SERVING);
});
server.listen(Number(flagValue('--port')), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
