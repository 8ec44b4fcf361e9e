import { randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** Makes a secret as Standard Webhooks writes it: 256 random bits behind `whsec_`. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}
