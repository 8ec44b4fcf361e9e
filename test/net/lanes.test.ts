import { describe, expect, it } from 'vitest';
import { createLanes } from '../../src/net/lanes.ts';

const good = () => true;
const bad = () => false;

describe('lanes', () => {
  it('let no receiver have more than its width at a time', async () => {
    const lanes = createLanes();
    const gate = Promise.withResolvers<number>();
    const width = lanes.widthOf('slow');
    const entered = Array.from({ length: width }, () => lanes.within('slow', () => gate.promise, good));
    expect(await lanes.within('slow', async () => 1, good)).toBeNull();
    expect(await lanes.within('other', async () => 1, good)).toBe(1);
    gate.resolve(7);
    expect(await Promise.all(entered)).toEqual(Array(width).fill(7));
    expect(await lanes.within('slow', async () => 1, good)).toBe(1);
  });

  it('widen with each good result up to a limit, and are halved by any other', async () => {
    const lanes = createLanes();
    const first = lanes.widthOf('a');
    await lanes.within('a', async () => 1, good);
    expect(lanes.widthOf('a')).toBe(first + 1);
    for (let i = 0; i < 50; i += 1) await lanes.within('a', async () => 1, good);
    const widest = lanes.widthOf('a');
    expect(widest).toBe(24);
    await lanes.within('a', async () => 1, bad);
    expect(lanes.widthOf('a')).toBe(widest / 2);
    const fault = async () => {
      throw new Error('no');
    };
    for (let i = 0; i < 6; i += 1) await expect(lanes.within('a', fault, good)).rejects.toThrow('no');
    expect(lanes.widthOf('a')).toBe(1);
    expect(await lanes.within('a', async () => 1, good)).toBe(1);
  });
});
