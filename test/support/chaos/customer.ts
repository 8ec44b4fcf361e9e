import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, call, isAway, isDone } from './http-call.ts';

type Api = 'rest' | 'graphql';
export const APIS: readonly Api[] = ['rest', 'graphql'];

/** The service that customers call. */
export interface ServedBy {
  url: string;
  apiKey: string;
  /** Receives every answer, good and bad. */
  onAnswer?: (answer: Answer) => void;
}

interface CustomerRequest {
  api: Api;
  /** Unique; it is the idempotency key, so a repeated request is the same job. */
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** The URL of the job's callback. */
  callbackUrl?: string;
}

const RETRY_MS = 500;
const LONGEST_RETRY_MS = 5000;

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) {
  ... on CreateJobSuccess { job { jobId } upload { url method headers { name value } completeUrl } }
  ... on Error { code message } } }`;
const STATUS = 'query ($id: ID!) { job(id: $id) { status outputs { downloadUrl width } } }';

export type Customer = ReturnType<typeof createCustomer>;

/** Creates a customer with one PNG who wants a WebP of it, and asks again as often as it takes. */
export function createCustomer(
  { url, apiKey, onAnswer = () => {} }: ServedBy,
  { api, name, bytes, callbackUrl }: CustomerRequest,
) {
  let upload: Upload | undefined;
  const auth = { 'content-type': 'application/json', 'x-api-key': apiKey };

  async function send(step: string, target: string, init: RequestInit): Promise<Answer> {
    const answer = await call(`${api} ${step}`, target, init);
    onAnswer(answer);
    return answer;
  }

  const graphql = (step: string, query: string, variables: object) =>
    send(step, `${url}/graphql`, {
      method: 'POST',
      headers: auth,
      body: JSON.stringify({ query, variables }),
    });

  const create = { rest: createByRest, graphql: createByGraphql };

  function createByRest(): Promise<Answer> {
    const { length: inputSize } = bytes;
    const request = {
      converterSlug: 'png-to-webp',
      inputFilename: `${name}.png`,
      inputMime: 'image/png',
      inputSize,
    };
    return send('create', `${url}/uploads/prepare`, {
      method: 'POST',
      headers: { ...auth, 'idempotency-key': name },
      body: JSON.stringify({ ...request, ...(callbackUrl && { callbackUrl }) }),
    });
  }

  function createByGraphql(): Promise<Answer> {
    const file = { filename: `${name}.png`, mime: 'image/png', size: bytes.length };
    const callback = callbackUrl && { callback: { url: callbackUrl } };
    const input = { upload: file, target: 'webp', ...callback, idempotencyKey: name };
    return graphql('create', CREATE, { input });
  }

  return {
    name,
    wantsCallback: callbackUrl !== undefined,
    get jobId(): string {
      return upload?.jobId ?? '';
    },

    async create(): Promise<Answer> {
      const answer = await create[api]();
      if (isDone(answer)) upload = uploadOf(api, answer);
      return answer;
    },

    put(): Promise<Answer> {
      const { method = 'PUT', headers = {} } = upload ?? {};
      return send('put', upload?.url ?? '', { method, headers, body: bytes });
    },

    complete: (): Promise<Answer> => send('complete', upload?.completeUrl ?? '', { method: 'POST' }),

    status: (): Promise<Answer> => graphql('status', STATUS, { id: upload?.jobId }),
  };
}

/**
 * Repeats a step until it succeeds.
 * @throws the first answer that is neither a success nor "ask again", or the last one at the deadline.
 */
export async function insist(step: () => Promise<Answer>, deadline: number): Promise<Answer> {
  for (;;) {
    const answer = await step();
    if (isDone(answer)) return answer;
    if (!isAway(answer) || Date.now() > deadline)
      throw new Error(`${answer.step} was answered with ${JSON.stringify(answer)}`);
    const asked = (answer.retryAfterSeconds ?? 0) * 1000 || RETRY_MS;
    await sleep(Math.min(asked, LONGEST_RETRY_MS));
  }
}

interface Upload {
  jobId: string;
  url: string;
  method: string;
  headers: Record<string, string>;
  completeUrl: string;
}

function uploadOf(api: Api, { body }: Answer): Upload {
  if (api === 'rest') return { jobId: body.job.jobId, ...body.upload };
  const { job, upload } = body.data.createJob;
  const headers = Object.fromEntries(
    upload.headers.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  return { ...upload, jobId: job.jobId, headers };
}
