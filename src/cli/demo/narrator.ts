import { styleText } from 'node:util';
import { createStatusLine, formatDuration, renderTable } from '../terminal/terminal.ts';

const LABEL_WIDTH = 9;
const QUICK_MS = 1;

/** Prints what happens, and notes how long each step took. */
export interface Narrator {
  /** Runs one numbered step; its result goes into the table. */
  step(title: string, work: () => Promise<string>): Promise<void>;
  detail(label: string, text: string): void;
  /** Prints a line that changes in place; on terminals only. */
  status(text: string): void;
  summary(): string;
}

export function createNarrator(stream = process.stdout): Narrator {
  const line = createStatusLine(stream);
  const steps: { title: string; ms: number; result: string }[] = [];
  const print = (text: string) => {
    line.clear();
    stream.write(`${text}\n`);
  };

  return {
    async step(title, work) {
      print(`\n${styleText('bold', `${steps.length + 1}. ${title}`, { stream })}`);
      const began = performance.now();
      const result = await work();
      const ms = Math.max(QUICK_MS, performance.now() - began);
      steps.push({ title, ms, result });
      print(styleText('green', `   ✓ ${result} (${formatDuration(ms)})`, { stream }));
    },
    detail: (label, text) => print(`   ${styleText('dim', label.padEnd(LABEL_WIDTH), { stream })} ${text}`),
    status: (text) => (text ? line.show(`   ${text}`) : line.clear()),
    summary() {
      const total = steps.reduce((sum, { ms }) => sum + ms, 0);
      const rows = steps.map(({ title, ms, result }, i) => [
        String(i + 1),
        title,
        formatDuration(ms),
        result,
      ]);
      return renderTable(
        [
          { title: '#', align: 'right' },
          { title: 'step' },
          { title: 'time', align: 'right' },
          { title: 'result' },
        ],
        [...rows, ['', 'total', formatDuration(total), '']],
      );
    },
  };
}
