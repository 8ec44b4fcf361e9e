import { KilnError } from '../errors.ts';

/** What an endpoint can be told of, for people. */
export const WEBHOOK_EVENTS = {
  'job.created': 'A job was accepted.',
  'job.ready': 'A job is done; its results can be downloaded.',
  'job.failed': 'A job ended without a result.',
  'job.cancelled': 'A job was ended by its owner.',
  'job.expired': 'The file of a job did not arrive in time.',
  'batch.finished': 'All jobs of a batch have ended.',
  'file.uploaded': 'A file that belongs to no job has arrived.',
  'credits.low': "Less than a tenth of the plan's monthly media credits is left.",
  'endpoint.disabled': 'Another endpoint of the account is not called any more.',
} as const satisfies Record<string, string>;

export type WebhookEvent = keyof typeof WEBHOOK_EVENTS;

/** Sent on request, to the one endpoint that is tested. */
export const TEST_EVENT = 'endpoint.test';

/** Stands for all events, or for all of one kind. */
export const WILDCARDS: readonly string[] = ['*', 'job.*', 'batch.*', 'file.*'];

/** @throws KilnError INVALID_INPUT unless each is an event or a wildcard. */
export function parseSubscriptions(events: readonly string[]): string[] {
  const unique = [...new Set(events)];
  const unknown = unique.find((event) => !Object.hasOwn(WEBHOOK_EVENTS, event) && !WILDCARDS.includes(event));
  if (unique.length > 0 && unknown === undefined) return unique;
  const message =
    unknown === undefined ? 'An endpoint needs at least one event.' : `"${unknown}" is no event.`;
  throw new KilnError('INVALID_INPUT', message, {
    field: 'events',
    hint: `There are ${Object.keys(WEBHOOK_EVENTS).join(', ')}, and ${WILDCARDS.join(', ')}.`,
  });
}

/** Whether somebody who asked for `subscriptions` is told of `event`. */
export function isSubscribed(subscriptions: readonly string[], event: string): boolean {
  const kind = event.slice(0, event.indexOf('.'));
  return subscriptions.some((wish) => wish === event || wish === '*' || wish === `${kind}.*`);
}
