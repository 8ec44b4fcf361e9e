import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take half a minute or longer, so that nobody waits for one that began last. */
export const SLOWEST = [
  'e2e/durability',
  'e2e/webhook-killed',
  'e2e/outages',
  'e2e/kill-rounds',
  'e2e/worker-killed',
  'e2e/batch-commands',
  'e2e/graphql-batch',
  'e2e/secrets',
  'e2e/temporal-set-aside',
  'e2e/frozen-temporal',
  'operations/crash-points-batches',
  'operations/jobs/cancel-race',
  'operations/jobs/bad-database',
  'operations/crash-points',
  'workflows/conversion-job',
  'activities/sweep',
].map((name) => `/test/${name}.test.ts`);

/** Runs the slowest files of each group first, the others in their usual order. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = SLOWEST.findIndex((name) => moduleId.endsWith(name));
      return place < 0 ? SLOWEST.length : place;
    };
    return (await super.sort(files)).toSorted((left, right) => rank(left) - rank(right));
  }
}
