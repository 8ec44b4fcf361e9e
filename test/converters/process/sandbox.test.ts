import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ENGINE_LIMITS } from '../../../src/converters/process/engine-limits.ts';
import { sandboxPrefix } from '../../../src/converters/process/sandbox.ts';
import { openConverterHarness } from '../converter-harness.ts';

const harness = openConverterHarness({ limits: { maxOutputBytes: 20_000 } });
const prefix = sandboxPrefix(DEFAULT_ENGINE_LIMITS);

function canUnshare(): boolean {
  return ['-n', '-rn'].some((flags) => spawnSync('unshare', [flags, 'true']).status === 0);
}

describe('the sandbox of an engine process', () => {
  it('takes whatever this machine offers, and keeps the process id', async () => {
    await harness.converters.warm();
    const [pid] = harness.converters.pids();
    const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
    expect((await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')[1]).toMatch(/engine-main\.ts$/);
    expect(/Max file size\s+20000\s/.test(limits)).toBe(prefix.includes('prlimit'));
    expect(/Max core file size\s+0\s/.test(limits)).toBe(prefix.includes('prlimit'));
  });

  it('has no network interface but its own loopback where the kernel allows it', async () => {
    const [pid] = harness.converters.pids();
    const interfaces = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).split('\n').slice(2).filter(Boolean);
    if (canUnshare()) expect(interfaces.map((line) => line.trim().split(':')[0])).toEqual(['lo']);
    expect(prefix.includes('unshare')).toBe(canUnshare());
  });

  it('ends a result that grows too large, by either engine', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const picture = sharp({ create: { width: 400, height: 300, channels: 3, background: '#000000', noise } });
    const input = await harness.put('noise.png', await picture.png().toBuffer());
    for (const target of ['tiff', 'bmp']) {
      await expect(harness.convert(input, 'png', target)).rejects.toMatchObject({ code: 'RESOURCE_LIMIT' });
    }
    expect((await harness.convert(input, 'png', 'jpg', { width: 40 })).output.width).toBe(40);
  });
});
