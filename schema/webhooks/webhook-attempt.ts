import { seesResults } from '../../src/domain/access/account.ts';
import type { DeliveryAttempt as AttemptRecord } from '../../src/domain/webhooks/delivery.ts';
import type { NetworkError as NetworkErrorName } from '../../src/domain/webhooks/webhook-profile.ts';
import { builder } from '../builder.ts';

const NETWORK_ERRORS: Readonly<Record<NetworkErrorName, string>> = {
  blocked: 'Kiln does not call that address.',
  dns: 'The name has no address.',
  refused: 'Nobody listens there.',
  unreachable: 'There is no way there.',
  reset: 'The connection was cut.',
  timeout: 'The answer took too long.',
  tls: 'The certificate is not valid, or TLS failed otherwise.',
  too_large: 'The head of the answer is too large.',
  protocol: 'The answer is not HTTP.',
  unsigned: 'Nothing was sent: the secret that signs it was sealed by a master key that is gone.',
};

const NetworkError = builder.enumType('WebhookNetworkError', {
  description: 'Why no answer came.',
  values: Object.fromEntries(
    Object.entries(NETWORK_ERRORS).map(([value, description]) => [
      value.toUpperCase(),
      { value: value as NetworkErrorName, description },
    ]),
  ),
});

/** The GraphQL object of an attempt. */
export const WebhookAttempt = builder.objectRef<AttemptRecord>('WebhookAttempt').implement({
  description: 'One POST and its answer.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'From 1; a replay goes on counting.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was made.' }),
    durationMs: t.exposeInt('durationMs', {
      description: 'Milliseconds until the answer was read or given up.',
    }),
    status: t.exposeInt('status', { nullable: true, description: 'HTTP status; null when no answer came.' }),
    networkError: t.expose('networkError', {
      type: NetworkError,
      nullable: true,
      description: 'Why no answer came; null when one did.',
    }),
    responseHeaders: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'The few headers of the answer that are kept, such as Retry-After; null when no answer came.',
      resolve: ({ responseHeaders = null }) => responseHeaders,
    }),
    responseHead: t.string({
      nullable: true,
      description:
        'The first 4 KiB of the answer; null when none came. A receiver may repeat what it was sent, so it is null to whoever may not see `body`.',
      resolve: ({ responseHead = null }, _args, { actor }) => (seesResults(actor) ? responseHead : null),
    }),
  }),
});
