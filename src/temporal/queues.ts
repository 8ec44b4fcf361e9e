/** Task queues of one installation; several may share a cluster by their prefix. */
export interface Queues {
  /** Workflows and their local activities. */
  jobs: string;
  /** Pictures: slots by cores. */
  image: string;
  /** Transfers and webhooks: many, mostly waiting. */
  io: string;
}

export function queuesOf(prefix: string): Queues {
  return { jobs: `${prefix}-jobs`, image: `${prefix}-image`, io: `${prefix}-io` };
}
