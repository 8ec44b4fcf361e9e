/** The answer to one request, by whichever API. */
export interface Answer {
  /** The kind of request, such as "create" or "complete". */
  step: string;
  ms: number;
  /** Null when no answer came: refused, cut, or later than the caller waits. */
  status: number | null;
  /** The error code of a refusal. */
  code: string | null;
  retryAfterSeconds: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a foreign client sees is JSON of any form.
  body: any;
  /** Why no answer came, or the text of one that is no JSON. */
  said: string;
}

/** Longer than any request to Kiln may take; after it a request counts as hung. */
const HUNG_MS = 40_000;

/** Sends one request and returns its answer; never throws. */
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

/** Whether the caller should ask again: there was no answer, or it said so. */
export function isAway({ status, code }: Answer): boolean {
  return status === null || status === 503 || code === 'UNAVAILABLE' || code === 'INSUFFICIENT_STORAGE';
}

export function isDone(answer: Answer): boolean {
  return answer.status !== null && answer.status < 300 && answer.code === null;
}

/** Whether the answer is proper while an engine is down: a success, or a typed "ask again". */
export function isProper(answer: Answer): boolean {
  if (isDone(answer)) return true;
  // GraphQL carries the code in a result of its own, with status 200.
  if (answer.status === 200) return answer.code === 'UNAVAILABLE';
  return answer.status === 503 && answer.retryAfterSeconds !== null && answer.code !== null;
}

/** Returns the error code of a body: REST has an envelope, GraphQL a list of errors or a refusal as the result. */
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
