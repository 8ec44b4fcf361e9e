import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One terminal event as a receiver got to know of it. */
interface ReceivedEvent {
  event: string;
  /** The `webhook-id` of each time that it came. */
  ids: string[];
}

export type MessageLog = Awaited<ReturnType<typeof openMessageLog>>;

/** A receiver that says yes to everything and notes which job each callback was about. */
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

    /** Jobs of whose end nothing came, or not under one id. It may come as often as it likes. */
    faults: (jobIds: readonly string[]): string[] =>
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
