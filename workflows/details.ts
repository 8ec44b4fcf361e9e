import { setCurrentDetails } from '@temporalio/workflow';
import type { StoredError } from '../src/domain/jobs/job.ts';
import type { JobStart } from '../src/operations/workflow-runner.ts';

interface Details {
  /** What the job waits for, in words. */
  next?: string;
  engine?: string | undefined;
  error?: StoredError | undefined;
}

/** Writes the job's state into the details that Temporal UI shows. */
export function show(start: JobStart, stage: string, { next, engine, error }: Details = {}): void {
  const lines = [
    `**${start.title}**`,
    `- stage: ${stage}`,
    `- source: ${start.source}`,
    `- target: ${start.target}`,
  ];
  if (next) lines.push(`- waits for: ${next}`);
  if (engine) lines.push(`- engine: ${engine}`);
  if (error) lines.push(`- error: ${error.code}: ${error.message}`);
  setCurrentDetails(lines.join('\n'));
}
