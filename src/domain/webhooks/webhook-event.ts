import { KilnError } from '../errors.ts';
import { harmless, hintAmong } from '../names.ts';

/** Every event that an endpoint can subscribe to, with its description for people. */
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

/** The event that a test sends, to the tested endpoint alone; nobody can subscribe to it. */
export const TEST_EVENT = 'endpoint.test';

/** Subscriptions to all events, or to all of one kind. */
export const WILDCARDS: readonly string[] = ['*', 'job.*', 'batch.*', 'file.*'];

/** Returns the subscriptions without repeats. @throws KilnError INVALID_INPUT for none, or an unknown one. */
export function parseSubscriptions(events: readonly string[]): string[] {
  const unique = [...new Set(events)];
  const unknown = unique.find((event) => !Object.hasOwn(WEBHOOK_EVENTS, event) && !WILDCARDS.includes(event));
  if (unique.length > 0 && unknown === undefined) return unique;
  const names = [...Object.keys(WEBHOOK_EVENTS), ...WILDCARDS];
  const message =
    unknown === undefined ? 'An endpoint needs at least one event.' : `"${harmless(unknown)}" is no event.`;
  throw new KilnError('INVALID_INPUT', message, { field: 'events', hint: hintAmong(names, unknown) });
}

/** Whether one of the subscriptions is the event, or a wildcard for it. */
export function isSubscribed(subscriptions: readonly string[], event: string): boolean {
  const kind = event.slice(0, event.indexOf('.'));
  return subscriptions.some((name) => name === event || name === '*' || name === `${kind}.*`);
}
