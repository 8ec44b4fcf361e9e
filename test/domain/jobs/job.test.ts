import { describe, expect, it } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import {
  concurrencyKeyOf,
  eventsAfter,
  isTerminal,
  JOB_STATUSES,
  type JobEvent,
  type JobStatus,
  keepsUpload,
  legalSources,
  ownerKey,
  rejectTransition,
  resultName,
} from '../../../src/domain/jobs/job.ts';

/** Every legal move, written down once more; whatever is not here must be refused. */
const LEGAL: Record<JobStatus, JobStatus[]> = {
  draft: ['awaiting_upload', 'importing', 'queued', 'cancelled', 'expired'],
  awaiting_upload: ['importing', 'queued', 'failed', 'cancelled', 'expired'],
  importing: ['queued', 'processing', 'failed', 'cancelled'],
  queued: ['processing', 'failed', 'cancelled'],
  processing: ['ready', 'failed', 'cancelled'],
  ready: [],
  failed: [],
  cancelled: [],
  expired: [],
};

const PAIRS = JOB_STATUSES.flatMap((from) =>
  JOB_STATUSES.map((to) => [from, to, LEGAL[from].includes(to)] as const),
);

describe('the table of states', () => {
  it.each(PAIRS)('%s → %s: %s', (from, to, legal) => {
    expect(legalSources(to).includes(from)).toBe(legal);
  });

  it('lets exactly the states end that nothing follows', () => {
    for (const status of JOB_STATUSES) expect(isTerminal(status)).toBe(LEGAL[status].length === 0);
  });

  it('says what the job is doing instead', () => {
    const refused = () => rejectTransition({ status: 'ready' }, 'processing');
    expect(refused).toThrow(new KilnError('WRONG_STATE', 'The job is ready and cannot become processing.'));
  });
});

describe('events after a position', () => {
  const event = (cause: string): JobEvent => ({
    type: 'status',
    status: 'processing',
    at: new Date(0),
    cause,
    message: null,
  });
  const whole = { seq: 3, events: ['a', 'b', 'c'].map(event) };
  const window = { seq: 10, events: ['h', 'i', 'j'].map(event) };
  const seen = (job: typeof whole, after: number) => {
    const { events, truncated } = eventsAfter(job, after);
    return { seqs: events.map(({ seq, cause }) => `${seq}${cause}`), truncated };
  };

  it('are numbered from 1 and come oldest first', () => {
    expect(seen(whole, 0)).toEqual({ seqs: ['1a', '2b', '3c'], truncated: false });
    expect(seen(whole, 2)).toEqual({ seqs: ['3c'], truncated: false });
  });

  it('are none for a reader who has seen all, or more than there is', () => {
    expect(seen(whole, 3)).toEqual({ seqs: [], truncated: false });
    expect(seen(whole, 99)).toEqual({ seqs: [], truncated: false });
  });

  it('tell a reader who is behind the window that some are gone', () => {
    expect(seen(window, 7)).toEqual({ seqs: ['8h', '9i', '10j'], truncated: false });
    expect(seen(window, 6)).toEqual({ seqs: ['8h', '9i', '10j'], truncated: true });
    expect(seen(window, 0).truncated).toBe(true);
  });
});

describe('an ended job', () => {
  it.each([
    ['failed', 'ENGINE_CRASHED', true],
    ['failed', 'INSUFFICIENT_CREDITS', true],
    ['failed', 'INTERNAL', true],
    ['failed', 'CORRUPT_INPUT', false],
    ['failed', 'TOO_MANY_PIXELS', false],
    ['failed', null, false],
    ['cancelled', 'INTERNAL', false],
    ['ready', null, false],
  ] as const)('that is %s by %s keeps its upload for another time: %s', (status, code, keeps) => {
    expect(keepsUpload({ status, error: code && { code, message: 'x' } })).toBe(keeps);
  });

  it('counts for its owner, unless somebody stands in', () => {
    expect(concurrencyKeyOf({ owner: 'guest:g' })).toBe('guest:g');
    expect(concurrencyKeyOf({ owner: 'guest:g', lane: 'address:1' })).toBe('address:1');
  });
});

describe('names', () => {
  it('of owners never mix accounts and guests', () => {
    expect(ownerKey({ accountId: '1' })).toBe('account:1');
    expect(ownerKey({ guestId: '1' })).toBe('guest:1');
  });

  it('of a result follow the input and the target', () => {
    const inputs = [{ filename: 'hero.jpg' }] as Parameters<typeof resultName>[0]['inputs'];
    const conversions = [{ target: 'png' }] as Parameters<typeof resultName>[0]['conversions'];
    expect(resultName({ inputs, conversions })).toBe('hero.png');
    expect(resultName({ inputs: [], conversions: [] })).toBe('file.bin');
  });
});
