import { describe, expect, it } from 'vitest';
import { createLowCredits } from '../../../src/operations/credits/low-credits.ts';

/** An account with so much left of 100 a month, whose mark is as said; what is done about it. */
function settling({ available, lowCause, monthly = 100, markedBy }: Case) {
  const done: unknown[] = [];
  let reads = 0;
  const lowCredits = createLowCredits({
    lowCredits: {
      async find() {
        reads += 1;
        const cause = reads > 1 ? (markedBy ?? lowCause) : lowCause;
        return { plan: 'pro', available, ...(cause !== undefined && { lowCause: cause }) };
      },
      mark: async (...mark) => void done.push(['mark', ...mark]),
      clear: async (...enough) => void done.push(['clear', ...enough]),
    },
    emit: async ({ owner, type, subjectId, cause, data }) =>
      void done.push([type, owner, subjectId, cause, data]),
    monthlyCreditsOf: async (plan) => (plan === 'pro' ? monthly : 0),
  });
  return { done, lowCredits };
}

interface Case {
  available: number;
  lowCause?: string;
  monthly?: number;
  /** Whose mark stands once this job has tried to make its own. */
  markedBy?: string;
}

const TOLD = ['credits.low', 'account:a', 'a', 'job', { accountId: 'a', available: 9, monthlyCredits: 100 }];

describe('after a job was settled', () => {
  it.each<[string, Case, unknown[]]>([
    ['a tenth of a month is enough', { available: 10 }, []],
    [
      'less than that is marked and told',
      { available: 9, markedBy: 'job' },
      [['mark', 'a', 10, 'job'], TOLD],
    ],
    ['it is told again by the job that made it so', { available: 9, lowCause: 'job' }, [TOLD]],
    ['and by no other', { available: 9, lowCause: 'other' }, []],
    ['nor by one that was overtaken', { available: 9, markedBy: 'other' }, [['mark', 'a', 10, 'job']]],
    ['what is enough again is cleared', { available: 10, lowCause: 'other' }, [['clear', 'a', 10]]],
    ['a plan without credits has no line', { available: 0, monthly: 0, lowCause: 'other' }, []],
  ])('%s', async (_what, account, expected) => {
    const { done, lowCredits } = settling(account);
    await lowCredits.noteSettled('a', 'job');
    expect(done).toEqual(expected);
  });
});

it('after a grant the next time counts again', async () => {
  const { done, lowCredits } = settling({ available: 50, lowCause: 'job' });
  await lowCredits.noteGranted('a');
  expect(done).toEqual([['clear', 'a', 10]]);
});
