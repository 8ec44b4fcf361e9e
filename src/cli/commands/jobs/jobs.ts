import { findService, type ServiceOptions } from '../../service-client/find-service.ts';
import { printJson } from '../../terminal/print-json.ts';
import { printTable } from '../../terminal/terminal.ts';
import { createConversions, type JobView } from './conversions.ts';

const COLUMNS = ['job', 'created', 'status', 'file', 'to', 'error'].map((title) => ({ title }));

/** `kiln jobs`: prints the latest jobs, newest first. */
export async function listJobs({
  json,
  limit,
  ...options
}: ServiceOptions & { json?: boolean; limit: number }): Promise<void> {
  const conversions = createConversions(await findService(options));
  try {
    const jobs = await conversions.list(limit);
    if (json) printJson(jobs);
    else printTable(COLUMNS, jobs.map(cellsOf), 'There are no jobs yet.');
  } finally {
    await conversions.close();
  }
}

function cellsOf({ jobId, createdAt, status, inputs, conversions, error }: JobView): string[] {
  const [input] = inputs;
  const [conversion] = conversions;
  const state = status.toLowerCase().replaceAll('_', ' ');
  return [jobId, createdAt, state, input?.filename ?? '', conversion?.target ?? '', error?.code ?? ''];
}
