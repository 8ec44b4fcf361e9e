import { expect, it } from 'vitest';
import { createLog } from '../src/log.ts';

function logged(isTTY: boolean): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog('info', { isTTY, write: (line) => lines.push(line) }), lines };
}

it('a terminal gets a line for people', () => {
  const { log, lines } = logged(true);
  log.warn({ jobId: 'j1', detail: 'two words' }, 'the repair round failed');
  expect(lines).toEqual([
    expect.stringMatching(/^\d\d:\d\d:\d\d WARN {2}the repair round failed jobId=j1 detail="two words"\n$/),
  ]);
});

it('a machine gets JSON', () => {
  const { log, lines } = logged(false);
  log.warn({ jobId: 'j1' }, 'the repair round failed');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 40,
    jobId: 'j1',
    msg: 'the repair round failed',
  });
});

it('nothing that is logged steers the terminal, and no credential is shown', () => {
  const { log, lines } = logged(true);
  log.error({ name: '\u001b]0;owned\u0007', bidi: 'a\u202eb', token: 's3cret' }, 'one\ntwo \u001b[2J');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(lines[0]).toContain('token=[redacted]');
});
