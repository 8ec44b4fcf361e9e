import type { WriteStream } from 'node:tty';
import { visible } from '../../domain/visible-text.ts';
import { print } from './print.ts';

const BAR_CELLS = 24;
const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A column's heading, and whether it is aligned right, as numbers are. */
export interface Column {
  title: string;
  align?: 'left' | 'right';
}

/** Returns rows under their headings, each column as wide as its widest cell. */
export function renderTable(columns: readonly Column[], texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(visible));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => pad(cells[i] ?? '', widths[i] ?? 0, align))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

/** Prints a table, or the sentence `none` if there are no rows. */
export function printTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  nothing: string,
): void {
  print(`${rows.length > 0 ? renderTable(columns, rows) : nothing}\n`);
}

function pad(text: string, width: number, align: Column['align'] = 'left'): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

/** A line that changes in place on a terminal, and is not printed to pipes and log files. */
interface StatusLine {
  show(text: string): void;
  clear(): void;
}

export function createStatusLine(stream: Pick<WriteStream, 'isTTY' | 'columns' | 'write'>): StatusLine {
  let shown = '';
  function write(text: string): void {
    // A line that wraps could not be erased, and repeating an unchanged one would flicker.
    const fitting = visible(text).slice(0, Math.max(0, (stream.columns ?? 80) - 1));
    if (!stream.isTTY || fitting === shown) return;
    shown = fitting;
    stream.write(`\r\u001B[K${fitting}`);
  }
  return { show: write, clear: () => write('') };
}

/** Returns a bar such as `████████░░░░  33 %`. */
export function renderBar(percent: number): string {
  const share = Math.min(100, Math.max(0, percent)) / 100;
  const full = Math.round(share * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${String(Math.round(share * 100)).padStart(3)} %`;
}

/** Returns bytes with three significant digits: `61.4 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${SIZE_UNITS[unit]}`;
}

/** Returns a duration in a suitable unit: `12 ms`, `3.4 s` or `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
