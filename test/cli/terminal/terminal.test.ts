import { describe, expect, it } from 'vitest';
import {
  createStatusLine,
  formatBytes,
  formatDuration,
  renderBar,
  renderTable,
} from '../../../src/cli/terminal/terminal.ts';

describe('renderTable', () => {
  it('makes each column as wide as its widest cell and puts numbers to the right', () => {
    const table = renderTable(
      [{ title: 'what' }, { title: 'ms', align: 'right' }],
      [
        ['a job', '7'],
        ['b', '1200'],
      ],
    );
    expect(table.split('\n')).toEqual(['what     ms', '─────  ────', 'a job     7', 'b      1200']);
  });
});

describe('createStatusLine', () => {
  function record(isTTY: boolean, columns = 20) {
    const written: string[] = [];
    const stream = { isTTY, columns, write: (text: string) => written.push(text) > 0 };
    return { line: createStatusLine(stream as Parameters<typeof createStatusLine>[0]), written };
  }

  it('rewrites one line on a terminal, and only when it changes', () => {
    const { line, written } = record(true);
    line.show('half');
    line.show('half');
    line.clear();
    expect(written).toEqual(['\r\u001B[Khalf', '\r\u001B[K']);
  });

  it('never wraps', () => {
    const { line, written } = record(true, 6);
    line.show('much too long');
    expect(written).toEqual(['\r\u001B[Kmuch ']);
  });

  it('keeps away from pipes', () => {
    const { line, written } = record(false);
    line.show('half');
    line.clear();
    expect(written).toEqual([]);
  });
});

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [61_432, '61.4 kB'],
    [1_073_741_824, '1.07 GB'],
    [5e16, '50000 TB'],
  ])('%d bytes read %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [12.4, '12 ms'],
    [3400, '3.4 s'],
    [125_000, '2 min 5 s'],
  ])('%d ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [-5, '░░░░░░░░░░░░░░░░░░░░░░░░   0 %'],
    [50, '████████████░░░░░░░░░░░░  50 %'],
    [130, '████████████████████████ 100 %'],
  ])('%d percent draws %s', (percent, bar) => expect(renderBar(percent)).toBe(bar));
});
