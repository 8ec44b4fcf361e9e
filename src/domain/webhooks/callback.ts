import type { Job } from '../jobs/job.ts';
import { jobEventData, type UrlOf } from './event-data.ts';
import { standardBody } from './standard-body.ts';

/** What the callback of a job is made of. */
export interface CallbackInput {
  /** It has ended. */
  job: Job;
  /** Root-relative, and good for as long as the file lives. */
  pathOf: UrlOf;
  /** The same with the origin of the service. */
  urlOf: UrlOf;
  at: Date;
}

/** What a receiver is sent, the same bytes at every attempt. */
export interface CallbackMessage {
  event: string;
  body: string;
}

/** Says the end of a job in the words of an API. */
export type DescribeCallback = (input: CallbackInput) => CallbackMessage;

/** Says the end of a job as webhook endpoints are told of it: event `job.<status>`, by Standard Webhooks. */
export function describeStandardCallback({ job, urlOf, at }: CallbackInput): CallbackMessage {
  const event = `job.${job.status}`;
  return { event, body: standardBody(event, jobEventData(job, urlOf), at) };
}
