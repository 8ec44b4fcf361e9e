import type { NetworkError, WebhookProfile } from './webhook-profile.ts';

export interface DeliveryAttempt {
  number: number;
  at: Date;
  /** Milliseconds until the answer was read or given up. */
  durationMs: number;
  /** Null when no answer came. */
  status: number | null;
  /** Why no answer came. */
  networkError: NetworkError | null;
  /** The first bytes of the answer's body. */
  responseHead: string | null;
}

/** One signed message to one receiver: the body is built once, every attempt sends these bytes. */
export interface Delivery {
  _id: string;
  owner: string;
  jobId: string;
  profile: WebhookProfile;
  event: string;
  url: string;
  sealedSecret: string | null;
  body: string;
  state: 'pending' | 'delivered' | 'failed';
  attempts: DeliveryAttempt[];
  createdAt: Date;
}
