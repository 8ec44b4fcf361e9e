import { describe, expect, it } from 'vitest';
import { createGrouped, createGroupedByKey, createGroupedReads } from '../src/grouped.ts';

describe('grouped calls', () => {
  it('go out at once when alone, and together while one is under way', async () => {
    const calls: number[][] = [];
    const gates: PromiseWithResolvers<void>[] = [];
    const write = createGrouped(async (items: readonly number[]) => {
      calls.push([...items]);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
    });
    const first = write(1);
    const others = [write(2), write(3)];
    expect(calls).toEqual([[1]]);
    gates[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    expect(calls).toEqual([[1], [2, 3]]);
    const last = write(4);
    gates[1]?.reject(new Error('lost'));
    // Each settles with the call that took it along, and the next one goes on.
    for (const other of others) await expect(other).rejects.toThrow('lost');
    await new Promise(setImmediate);
    gates[2]?.resolve();
    await last;
    expect(calls).toEqual([[1], [2, 3], [4]]);
  });

  it('wait for their own key alone, and never run twice at a time', async () => {
    const calls: string[] = [];
    const gates: PromiseWithResolvers<void>[] = [];
    const write = createGroupedByKey(async (key: string, items: readonly number[]) => {
      calls.push(`${key} ${items}`);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
    });
    const first = write('a', 1);
    const second = write('a', 2);
    const other = write('b', 3);
    expect(calls).toEqual(['a 1', 'b 3']);
    const third = first.then(() => write('a', 4));
    gates[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    expect(calls).toEqual(['a 1', 'b 3', 'a 2']);
    gates[2]?.resolve();
    await second;
    await new Promise(setImmediate);
    expect(calls).toEqual(['a 1', 'b 3', 'a 2', 'a 4']);
    for (const gate of gates) gate.resolve();
    await Promise.all([other, third]);
    const alone = write('a', 5);
    expect(calls.at(-1)).toBe('a 5');
    gates.at(-1)?.resolve();
    await alone;
  });

  it('read each id that is asked for, and tell who asked for one that is not there', async () => {
    const reads: string[][] = [];
    const read = createGroupedReads(async (ids) => {
      reads.push([...ids]);
      return ids.filter((id) => id !== 'none').map((_id) => ({ _id }));
    });
    expect(await Promise.all(['a', 'b', 'none'].map(read))).toEqual([{ _id: 'a' }, { _id: 'b' }, undefined]);
    expect(reads).toEqual([['a'], ['b', 'none']]);
  });
});
