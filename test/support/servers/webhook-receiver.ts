import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface ReceivedWebhook {
  headers: IncomingHttpHeaders;
  body: string;
}

/** How a receiver answers; a number is a bare status. */
type Reply = number | { status: number; headers?: Record<string, string>; body?: string } | 'reset';

/** A receiver that gives these answers in turn, the last one for ever. */
export async function openReceiver(...replies: Reply[]) {
  const received: ReceivedWebhook[] = [];
  const answers = [...replies];
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) });
    const reply = answers.length > 1 ? answers.shift() : answers[0];
    answer(response, reply ?? 200);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    /** From now on. */
    answerWith: (...next: Reply[]) => void answers.splice(0, answers.length, ...next),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, reply: Reply): void {
  if (reply === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const { status, headers = {}, body = 'thank you' } = typeof reply === 'number' ? { status: reply } : reply;
  response.writeHead(status, headers).end(body);
}

/** What a receiver does, with the package that the specification names. */
export function verify(secret: string, { headers, body }: ReceivedWebhook) {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as {
    type: string;
    timestamp: string;
    data: Record<string, unknown>;
  };
}
