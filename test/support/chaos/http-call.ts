/** What came back for one request, through whichever API it went. */
export interface Answer {
  /** What the caller wanted, such as "create" or "complete". */
  step: string;
  ms: number;
  /** Null when no answer came: refused, cut, or later than the caller waits. */
  status: number | null;
  /** The stable code of a refusal. */
  code: string | null;
  retryAfterSeconds: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a foreign client sees is JSON of any form.
  body: any;
  /** Why no answer came, or the text of one that is no JSON. */
  said: string;
}

/** Longer than any request of Kiln's may take: whoever waits longer waits for ever. */
const HUNG_MS = 40_000;

/** Sends one request and reports how it went, whatever happened. */
export async function call(step: string, url: string, init: RequestInit = {}): Promise<Answer> {
  const began = performance.now();
  const answer = { step, status: null, code: null, retryAfterSeconds: null, body: null, said: '' };
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(HUNG_MS) });
    const text = await response.text();
    const body = parse(text);
    const retryAfter = response.headers.get('retry-after');
    return {
      ...answer,
      ms: performance.now() - began,
      status: response.status,
      code: codeOf(body),
      retryAfterSeconds: retryAfter === null ? null : Number(retryAfter),
      body,
      said: body === null ? text.slice(0, 200) : '',
    };
  } catch (error) {
    return { ...answer, ms: performance.now() - began, said: reasonOf(error) };
  }
}

/** Whether the caller should come again: nobody was there, or whoever was there said so. */
export function isAway({ status, code }: Answer): boolean {
  return status === null || status === 503 || code === 'UNAVAILABLE' || code === 'INSUFFICIENT_STORAGE';
}

export function isDone(answer: Answer): boolean {
  return answer.status !== null && answer.status < 300 && answer.code === null;
}

/** What a service that is up owes its callers while something behind it is down: yes, or a typed "come again". */
export function isProper(answer: Answer): boolean {
  if (isDone(answer)) return true;
  // GraphQL carries the code in a result of its own, with status 200.
  if (answer.status === 200) return answer.code === 'UNAVAILABLE';
  return answer.status === 503 && answer.retryAfterSeconds !== null && answer.code !== null;
}

/** REST has an envelope of its own, GraphQL a list of errors or a refusal in place of the result. */
// biome-ignore lint/suspicious/noExplicitAny: see Answer.
function codeOf(body: any): string | null {
  if (body?.error?.code) return body.error.code;
  if (body?.errors?.[0]) return body.errors[0].extensions?.code ?? 'UNKNOWN';
  const [result] = Object.values<{ code?: string } | null>(body?.data ?? {});
  return result?.code ?? null;
}

function parse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
