import type { Job } from '../jobs/job.ts';
import { jobEventData, type UrlOf } from './event-data.ts';
import { standardBody } from './standard-body.ts';

/** What the message of a job's callback is built from. */
export interface CallbackInput {
  /** An ended job. */
  job: Job;
  /** Returns a root-relative download path that works as long as the file exists. */
  pathOf: UrlOf;
  /** The same with the origin of the service. */
  urlOf: UrlOf;
  at: Date;
}

/** The message of a callback: every attempt sends the same bytes. */
export interface CallbackMessage {
  event: string;
  body: string;
}

/** Returns the message about a job's end in the format of an API. */
export type DescribeCallback = (input: CallbackInput) => CallbackMessage;

/** Returns the message in Kiln's own format, by Standard Webhooks: event `job.<status>`. */
export function describeStandardCallback({ job, urlOf, at }: CallbackInput): CallbackMessage {
  const event = `job.${job.status}`;
  return { event, body: standardBody(event, jobEventData(job, urlOf), at) };
}
