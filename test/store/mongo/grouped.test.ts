import { describe, expect, it } from 'vitest';
import { createGrouped } from '../../../src/store/mongo/grouped.ts';

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
});
