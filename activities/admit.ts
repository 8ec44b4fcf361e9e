import type { Capabilities } from '../src/app.ts';
import type { Job } from '../src/domain/job.ts';

/** The job has to wait: so many jobs of its owner begin before it, and itself. */
export interface Waiting {
  position: number;
}

/** Lets work begin only when the owner's plan has a place for the job; asking again is free. */
export function createInTurn({ admissions, jobs }: Pick<Capabilities, 'admissions' | 'jobs'>) {
  return <Input extends { job: Job }, Result>(work: (input: Input) => Promise<Result>) =>
    async (input: Input): Promise<Result | Waiting> => {
      const position = await admissions.admit(input.job);
      if (position === null) return work(input);
      const stage = `waiting for its turn, ${position} in line`;
      await jobs.setProgress(input.job._id, { percent: 0, stage }, 'queued');
      return { position };
    };
}
