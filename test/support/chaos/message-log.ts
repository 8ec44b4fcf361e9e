import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A terminal event that the receiver got. */
interface ReceivedEvent {
  event: string;
  /** The `webhook-id` of each message. */
  ids: string[];
}

export type MessageLog = Awaited<ReturnType<typeof openMessageLog>>;

/** Opens a receiver that accepts everything and notes the job of each callback. */
export async function openMessageLog() {
  const received = new Map<string, ReceivedEvent[]>();
  const server = createServer(async (request, response) => {
    const { jobId, event } = messageOf(request.headers, await text(request));
    note(jobId, event, String(request.headers['webhook-id']));
    response.end('thanks');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  function note(jobId: string, event: string, id: string): void {
    const events = received.get(jobId) ?? [];
    const known = events.find((one) => one.event === event);
    if (known) known.ids.push(id);
    else events.push({ event, ids: [id] });
    received.set(jobId, events);
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,

    /** Returns the jobs without a callback, or with several events or ids. Repeats under one id are fine. */
    violations: (jobIds: readonly string[]): string[] =>
      jobIds.flatMap((jobId) => {
        const [end, ...others] = received.get(jobId) ?? [];
        if (!end) return [`${jobId}: no callback came`];
        if (others.length > 0) return [`${jobId}: told to be ${[end, ...others].map(({ event }) => event)}`];
        return new Set(end.ids).size === 1 ? [] : [`${jobId}: came under the ids ${end.ids}`];
      }),

    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** SwapMyFile's callbacks name the job in a header, the standard ones in their body. */
function messageOf(headers: IncomingHttpHeaders, body: string): { jobId: string; event: string } {
  const event = headers['x-swapmyfile-event'];
  if (event) return { jobId: String(headers['x-swapmyfile-job-id']), event: String(event) };
  const { type, data } = JSON.parse(body);
  return { jobId: data.id, event: type };
}
