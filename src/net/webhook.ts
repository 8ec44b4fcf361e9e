import { createHmac } from 'node:crypto';
import { OWN_WEBHOOKS } from '../domain/dialect.ts';
import { KilnError } from '../domain/errors.ts';
import type { WebhookProfile } from '../domain/webhooks/webhook-profile.ts';

/** One attempt to sign. */
export interface WebhookToSign {
  profile: WebhookProfile;
  /** The stored bytes, exactly as they will be sent. */
  body: Uint8Array | string;
  secret?: string | undefined;
  /** Still accepted by the receiver while a secret is being rotated. */
  previousSecret?: string | undefined;
  /** The same for every attempt, so that a receiver can tell a repeat; letters, digits, `_`, `:` and `-`. */
  deliveryId: string;
  event: string;
  subjectId: string;
  /** When this attempt is made: receivers refuse an old one as a replay. */
  timestamp: Date;
}

const WHSEC = 'whsec_';
/** No line break that would smuggle in a header, and no dot that would blur what was signed. */
const HEADER_TOKEN = /^[\w:-]{1,128}$/;
const EVENT_NAME = /^[\w.:-]{1,128}$/;

/** What a profile sends besides the Standard Webhooks headers. */
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

/** The headers of one attempt. Without a secret there are no signatures, only the facts. */
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

/** A secret that only looks like a `whsec_` one must not shrink to the few bytes that decode. */
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
