import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take half a minute or longer, slowest first, so that nobody waits for one that began last. */
export const SLOWEST = [
  ...['durability', 'outages', 'kill-rounds', 'webhook-killed', 'worker-killed'].map((name) => `e2e/${name}`),
  ...['batch-commands', 'graphql-batch', 'secrets', 'temporal-set-aside', 'frozen-temporal'].map(
    (name) => `e2e/${name}`,
  ),
  ...['crash-points-batches', 'jobs/cancel-race', 'jobs/bad-database', 'crash-points'].map(
    (name) => `operations/${name}`,
  ),
  ...['webhook-waiting', 'batch-job', 'conversion-job'].map((name) => `workflows/${name}`),
  ...['files/finalize-race', 'webhooks/slow-receivers', 'credits/credits'].map(
    (name) => `operations/${name}`,
  ),
  'activities/charge',
  'activities/sweep',
  'process/failing-start',
].map((name) => `test/${name}.test.ts`);

/** Runs the slowest files of each group first, the others in their usual order. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = SLOWEST.findIndex((name) => moduleId.endsWith(`/${name}`));
      return place < 0 ? SLOWEST.length : place;
    };
    return (await super.sort(files)).toSorted((left, right) => rank(left) - rank(right));
  }
}
