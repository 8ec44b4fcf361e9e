import type { Option } from 'commander';

/** What a drill may use. */
interface DrillPorts<Options> {
  options: Options;
  /** One line for whoever watches, and for the log of the run. */
  say(line: string): void;
}

/**
 * One module of this folder that breaks a service of its own, or a copy of the code, again and again and
 * looks at what is left.
 * Unlike a bench it takes as long as it is asked to.
 */
export interface Drill<Options> {
  name: string;
  about: string;
  options: readonly Option[];
  /** @returns every promise that was not kept; none is good. */
  run(ports: DrillPorts<Options>): Promise<string[]>;
}
