import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTENING = '0A';

/**
 * Returns the ports that a process listens on, or none where there is no /proc. Needed because Temporal's parts
 * talk to each other on ports that it chooses itself.
 */
export async function listeningPorts(pid: number): Promise<number[]> {
  try {
    const sockets = await socketsOf(pid);
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')),
    );
    return tables
      .flatMap((table) => table.trim().split('\n').slice(1))
      .map(parseRow)
      .filter(({ state, inode }) => state === LISTENING && sockets.has(inode))
      .map(({ port }) => port);
  } catch {
    return [];
  }
}

async function socketsOf(pid: number): Promise<Set<string>> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
}

/** Parses a row of proc(5)'s net/tcp: slot, local address, remote address, state, …, inode. */
function parseRow(row: string): { port: number; state: string; inode: string } {
  const columns = row.trim().split(/\s+/);
  const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
  return { port, state: columns[3] ?? '', inode: columns[9] ?? '' };
}
