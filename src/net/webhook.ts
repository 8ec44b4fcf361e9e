import { createHmac } from 'node:crypto';
import { OWN_WEBHOOKS } from '../domain/dialect.ts';
import { KilnError } from '../domain/errors.ts';
import type { WebhookProfile } from '../domain/webhooks/webhook-profile.ts';

/** One attempt to sign. Without a secret it gets no signature. */
export interface WebhookToSign {
  profile: WebhookProfile;
  /** The stored bytes, exactly as they will be sent. */
  body: Uint8Array | string;
  secret?: string | undefined;
  /** Signs as well for a day after a rotation. */
  previousSecret?: string | undefined;
  /** The same for every attempt, so that a receiver can drop a repeat: letters, digits, `_`, `:` and `-`. */
  deliveryId: string;
  event: string;
  subjectId: string;
  /** When this attempt is made: receivers refuse an old one as a replay. */
  timestamp: Date;
}

const WHSEC = 'whsec_';
/** Excludes a line break, which would add a header, and a dot, which separates what is signed. */
const HEADER_TOKEN = /^[\w:-]{1,128}$/;
const EVENT_NAME = /^[\w.:-]{1,128}$/;

/** Returns the headers that a profile sends besides those of Standard Webhooks; none for `standard`. */
function ownHeaders({ profile, event, subjectId, secret, body }: WebhookToSign): Record<string, string> {
  if (profile === 'standard') return {};
  const { headers } = OWN_WEBHOOKS[profile];
  const { signature } = headers;
  return {
    ...(headers.event !== null && { [headers.event]: event }),
    ...(headers.subject !== null && { [headers.subject]: subjectId }),
    ...(signature !== null &&
      secret && {
        [signature.name]: signature.prefix + createHmac('sha256', secret).update(body).digest('hex'),
      }),
  };
}

/**
 * Returns the headers of one attempt; without a secret none of them is a signature.
 * @throws KilnError INTERNAL when an id or the event cannot stand in a header.
 */
export function signWebhook(webhook: WebhookToSign): Record<string, string> {
  const { deliveryId, event, subjectId } = webhook;
  if (!HEADER_TOKEN.test(deliveryId) || !HEADER_TOKEN.test(subjectId) || !EVENT_NAME.test(event)) {
    throw new KilnError('INTERNAL', 'The webhook has an id or event that cannot be sent.');
  }
  return {
    'content-type': 'application/json',
    'webhook-id': deliveryId,
    'webhook-timestamp': String(unixSeconds(webhook.timestamp)),
    ...standardSignature(webhook),
    ...ownHeaders(webhook),
  };
}

function standardSignature({ secret, previousSecret, ...webhook }: WebhookToSign): Record<string, string> {
  if (!secret) return {};
  const secrets = previousSecret ? [secret, previousSecret] : [secret];
  const signatures = secrets.map((value) => {
    const mac = createHmac('sha256', signingKey(value));
    mac.update(`${webhook.deliveryId}.${unixSeconds(webhook.timestamp)}.`).update(webhook.body);
    return `v1,${mac.digest('base64')}`;
  });
  return { 'webhook-signature': signatures.join(' ') };
}

/** Returns the bytes of a `whsec_` secret; any other, or one that is not whole Base64, is used as its text. */
function signingKey(secret: string): Buffer {
  const encoded = secret.startsWith(WHSEC) ? secret.slice(WHSEC.length) : '';
  const decoded = Buffer.from(encoded, 'base64');
  const isEncoded = decoded.length > 0 && unpadded(decoded.toString('base64')) === unpadded(encoded);
  return isEncoded ? decoded : Buffer.from(secret, 'utf8');
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, '');
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
