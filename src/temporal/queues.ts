/** Names of an installation's task queues; installations that share a cluster differ by prefix. */
export interface Queues {
  /** Workflows and their local activities. */
  jobs: string;
  /** Conversions: as many slots as cores. */
  image: string;
  /** Transfers and database writes: many slots, since most wait. */
  io: string;
  /** Webhook deliveries and their attempts: many slots, shared fairly among receivers. */
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
