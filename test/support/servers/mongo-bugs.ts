import { inject } from 'vitest';

/**
 * What the second server (test/support/servers/second-mongo.ts) does otherwise than MongoDB, so that a test expects it
 * by name and nothing else passes unseen. Whoever meets another one proves it against MongoDB's manual first.
 */
const SECOND_MONGO_BUGS = {
  'descending-second-key':
    'An index whose second field descends finds nothing in a range of that field; no index of ours descends.',
  'parallel-before-images':
    'Calls of findOneAndUpdate side by side may be given the same document as it was before them.',
  'conditional-update-scans':
    'A filter of _id and other fields looks through the collection: 24 times as long as _id alone at 20,000 documents.',
} as const;

/** Whether the server under this test has it. */
export function hasBug(_name: keyof typeof SECOND_MONGO_BUGS): boolean {
  return inject('isSecondMongo');
}
