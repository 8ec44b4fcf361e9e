import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRecent } from '../../src/operations/recent.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Counts the reads; each answers with its number. */
function counted() {
  let reads = 0;
  const recent = createRecent(async (key: string) => `${key} ${++reads}`, 1000);
  return { recent, reads: () => reads };
}

describe('what was read a moment ago', () => {
  it('is one read for all who ask at a time, each key by itself', async () => {
    const { recent, reads } = counted();
    expect(await Promise.all([recent.get('a'), recent.get('a'), recent.get('b')])).toEqual([
      'a 1',
      'a 1',
      'b 2',
    ]);
    expect(reads()).toBe(2);
  });

  it('is believed until its time is over, and read again then', async () => {
    const { recent } = counted();
    expect(await recent.get('a')).toBe('a 1');
    vi.advanceTimersByTime(999);
    expect(await recent.get('a')).toBe('a 1');
    vi.advanceTimersByTime(1);
    expect(await recent.get('a')).toBe('a 2');
  });

  it('is forgotten on request', async () => {
    const { recent } = counted();
    await recent.get('a');
    recent.forget('a');
    expect(await recent.get('a')).toBe('a 2');
  });

  it('does not remember a failure, nor lets it spoil what was read since', async () => {
    const answers: PromiseWithResolvers<string>[] = [];
    const recent = createRecent(() => {
      const answer = Promise.withResolvers<string>();
      answers.push(answer);
      return answer.promise;
    }, 1000);
    const first = recent.get('a');
    recent.forget('a');
    const second = recent.get('a');
    answers[0]?.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    answers[1]?.resolve('there');
    expect(await second).toBe('there');
    // Still the second read: the first one's failure has not made it forgotten.
    expect(await recent.get('a')).toBe('there');
    recent.forget('a');
    const third = recent.get('a');
    answers[2]?.reject(new Error('away again'));
    await expect(third).rejects.toThrow('away again');
    const fourth = recent.get('a');
    answers[3]?.resolve('back');
    expect(await fourth).toBe('back');
  });

  it('does not grow without end', async () => {
    const { recent, reads } = counted();
    for (let number = 0; number < 10_000; number += 1) await recent.get(`key ${number}`);
    await recent.get('key 9999');
    expect(reads()).toBe(10_000);
    await recent.get('one more');
    await recent.get('key 9999');
    expect(reads()).toBe(10_002);
  });
});
