import type { Option } from 'commander';

/** What a drill is given. */
interface DrillPorts<Options> {
  options: Options;
  /** Prints one line, which also goes into the log of the run. */
  say(line: string): void;
}

/**
 * Breaks a service of its own, or a copy of the code, again and again and checks what is left: one module of
 * this folder.
 * Unlike a bench it takes as long as it is asked to.
 */
export interface Drill<Options> {
  name: string;
  about: string;
  options: readonly Option[];
  /** @returns every violation of what Kiln promises; none is good. */
  run(ports: DrillPorts<Options>): Promise<string[]>;
}
