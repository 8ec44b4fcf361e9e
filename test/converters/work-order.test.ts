import { describe, expect, it } from 'vitest';
import { createWorkOrder } from '../../src/converters/work-order.ts';

const NEVER = new AbortController().signal;

/** Creates work that notes its begin and ends when `end` is called. */
function createWork(begun: string[]) {
  const ends = new Map<string, () => void>();
  return {
    run: (name: string) => () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    },
    end: (name: string) => ends.get(name)?.(),
  };
}

/** Waits until everything has begun that may. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('work of batches', () => {
  it('runs no more at a time than is allowed, first come, first served', async () => {
    const begun: string[] = [];
    const { run, end } = createWork(begun);
    const order = createWorkOrder({ maxConcurrent: 2 });
    const all = ['a', 'b', 'c', 'd'].map((name) => order.batch(run(name), NEVER));
    await settled();
    expect(begun).toEqual(['a', 'b']);
    end('b');
    await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c']) end(name);
    await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd']);
    end('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets single jobs pass, which never wait', async () => {
    const begun: string[] = [];
    const { run, end } = createWork(begun);
    const order = createWorkOrder({ maxConcurrent: 1, graceMs: 1 });
    const single = order.single(run('single'));
    const batch = order.batch(run('batch'), NEVER);
    const another = order.single(run('another'));
    await settled();
    expect(begun).toEqual(['single', 'another']);
    end('single');
    end('another');
    await Promise.all([single, another]);
    await expect.poll(() => begun).toEqual(['single', 'another', 'batch']);
    end('batch');
    await batch;
  });

  it('gets on after a while, however many single jobs come', async () => {
    const begun: string[] = [];
    const { run, end } = createWork(begun);
    const order = createWorkOrder({ maxConcurrent: 1, maxDelayMs: 20 });
    const single = order.single(run('single'));
    const batch = order.batch(run('batch'), NEVER);
    await expect.poll(() => begun).toEqual(['single', 'batch']);
    end('batch');
    end('single');
    await Promise.all([single, batch]);
  });

  it('leaves the queue when it is cancelled, and keeps no place', async () => {
    const begun: string[] = [];
    const { run, end } = createWork(begun);
    const order = createWorkOrder({ maxConcurrent: 1 });
    const first = order.batch(run('first'), NEVER);
    const impatient = new AbortController();
    const second = order.batch(run('second'), impatient.signal);
    const third = order.batch(run('third'), NEVER);
    impatient.abort(new Error('cancelled'));
    await expect(second).rejects.toThrow('cancelled');
    end('first');
    await first;
    await expect.poll(() => begun).toEqual(['first', 'third']);
    end('third');
    await third;
  });

  it('gives its place back when it fails', async () => {
    const order = createWorkOrder({ maxConcurrent: 1 });
    const failing = order.batch(() => Promise.reject(new Error('broken')), NEVER);
    await expect(failing).rejects.toThrow('broken');
    expect(await order.batch(async () => 'next', NEVER)).toBe('next');
  });
});
