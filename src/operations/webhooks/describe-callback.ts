import type { Dialect } from '../../domain/dialect.ts';
import type { Job } from '../../domain/jobs/job.ts';
import {
  type CallbackMessage,
  type DescribeCallback,
  describeStandardCallback,
} from '../../domain/webhooks/callback.ts';
import type { UrlOf } from '../../domain/webhooks/event-data.ts';
import { type WebhookProfile, webhookProfileOf } from '../../domain/webhooks/webhook-profile.ts';

export interface DescribeCallbackPorts {
  /** The bodies of the dialects that have one of their own. */
  bodies: Readonly<Partial<Record<Dialect, DescribeCallback>>>;
  /** Root-relative. */
  downloadPath: UrlOf;
  /** Absolute, since receivers know no base: by the origin of that API. */
  downloadUrl(output: Parameters<UrlOf>[0], dialect: Dialect): string;
}

/** Says the end of a job in the words of the API that it came through, or else in Kiln's own. */
export function createDescribeCallback({ bodies, downloadPath, downloadUrl }: DescribeCallbackPorts) {
  return (job: Job): CallbackMessage & { profile: WebhookProfile } => {
    const describe = bodies[job.dialect] ?? describeStandardCallback;
    const urlOf: UrlOf = (output) => downloadUrl(output, job.dialect);
    const message = describe({ job, pathOf: downloadPath, urlOf, at: new Date() });
    return { profile: webhookProfileOf(job.dialect), ...message };
  };
}
