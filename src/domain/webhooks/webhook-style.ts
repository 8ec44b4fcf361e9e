/** When a message is sent, and what an answer may change about that. */
export interface WebhookSchedule {
  /** The wait before each attempt; its length is the number of attempts. */
  readonly delaysMs: readonly number[];
  /** From the first byte of the connection to the last byte of the answer. */
  readonly timeoutMs: number;
  /** The share of a delay that jitter may take away or add. */
  readonly jitterShare: number;
  readonly honoursRetryAfter: boolean;
  /** 410 means: never send here again. */
  readonly goneDisables: boolean;
  /** The receiver may end this one delivery, by a header of its answer. */
  readonly honoursAbort: boolean;
}

/** The names of the headers that an API sends besides those of Standard Webhooks; null where it has none. */
export interface WebhookHeaders {
  /** Carries the event. */
  readonly event: string | null;
  /** Carries the id of the job that the message is about. */
  readonly subject: string | null;
  /** Carries `prefix` and the hex HMAC-SHA-256 of the body; sent only where there is a secret. */
  readonly signature: { readonly name: string; readonly prefix: string } | null;
}

/** How an API sends its webhooks. */
export interface WebhookStyle {
  readonly schedule: WebhookSchedule;
  readonly headers: WebhookHeaders;
}
