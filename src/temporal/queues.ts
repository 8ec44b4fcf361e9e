/** Task queues of one installation; several may share a cluster by their prefix. */
export interface Queues {
  /** Workflows and their local activities. */
  jobs: string;
  /** Pictures: slots by cores. */
  image: string;
  /** Transfers: many, mostly waiting. */
  io: string;
  /** Deliveries and their attempts: many slots, shared fairly among receivers. */
  webhook: string;
}

export function queuesOf(prefix: string): Queues {
  return {
    jobs: `${prefix}-jobs`,
    image: `${prefix}-image`,
    io: `${prefix}-io`,
    webhook: `${prefix}-webhook`,
  };
}
