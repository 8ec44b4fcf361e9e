import type { KilnProcess } from './kiln-process.ts';

/** One figure, beside what was hoped for and what the bare parts do on the same machine in the same run. */
export interface Row {
  what: string;
  figure: number;
  unit: string;
  target?: { atMost: number } | { atLeast: number };
  bare?: { what: string; figure: number };
  /** What else a reader should know. */
  note?: string;
}

/** What a bench may use. */
interface BenchPorts {
  kiln: KilnProcess;
  /** A temporary folder of this run. */
  folder: string;
  say(line: string): void;
}

/** One module of this folder. Bounded: it ends within a minute. */
export interface Bench {
  name: string;
  about: string;
  run(ports: BenchPorts): Promise<Row[]>;
}

/** Whether a row keeps its promise; undefined where nothing was promised. */
export function isMet({ figure, target }: Row): boolean | undefined {
  if (!target) return undefined;
  return 'atMost' in target ? figure <= target.atMost : figure >= target.atLeast;
}

/** Ours by theirs, where there is something bare to compare with. */
export function ratioOf({ figure, bare }: Row): number | undefined {
  return bare && bare.figure > 0 ? figure / bare.figure : undefined;
}
