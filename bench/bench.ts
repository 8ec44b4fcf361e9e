import type { KilnProcess } from './kiln-process.ts';

/** One figure, with its target and what the bare parts do on the same machine in the same run. */
export interface Row {
  what: string;
  figure: number;
  unit: string;
  target?: { atMost: number } | { atLeast: number };
  bare?: { what: string; figure: number };
  /** A remark for the reader. */
  note?: string;
}

/** What a bench is given. */
interface BenchPorts {
  kiln: KilnProcess;
  /** A temporary folder of this run. */
  folder: string;
  say(line: string): void;
}

/** A measurement: one module of this folder. It ends within a minute. */
export interface Bench {
  name: string;
  about: string;
  run(ports: BenchPorts): Promise<Row[]>;
}

/** Whether a figure meets its target; undefined if there is none. */
export function isMet({ figure, target }: Row): boolean | undefined {
  if (!target) return undefined;
  return 'atMost' in target ? figure <= target.atMost : figure >= target.atLeast;
}

/** Returns the figure divided by the bare one; undefined if there is none. */
export function ratioOf({ figure, bare }: Row): number | undefined {
  return bare && bare.figure > 0 ? figure / bare.figure : undefined;
}
