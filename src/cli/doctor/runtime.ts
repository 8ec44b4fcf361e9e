import { firstLineOf } from './commands.ts';
import type { Finding, Section } from './finding.ts';

const NODE_NEEDED = 24;

interface Tool {
  name: string;
  command: [string, ...string[]];
  /** What is missing where it is absent, for people. */
  without: string;
}

const TOOLS: readonly Tool[] = [
  {
    name: 'Java',
    command: ['java', '--version'],
    without: 'no embedded MongoDB by mongo-java-server (needs a JDK 17)',
  },
  {
    name: 'Maven',
    command: ['mvn', '--version'],
    without: 'the jars of mongo-java-server cannot be fetched',
  },
  { name: 'Python', command: ['python3', '--version'], without: 'no Temporal from the PyPI wheel' },
];

/** The programs of the sandbox, tried out as engine processes use them. */
const SANDBOXES: readonly Tool[] = [
  {
    name: 'prlimit',
    command: ['prlimit', '--core=0', 'true'],
    without: 'engines run without limits of the kernel',
  },
  {
    name: 'unshare',
    command: ['unshare', '-rn', 'true'],
    without: 'engines are not cut off from the network',
  },
  {
    name: 'bwrap',
    command: ['bwrap', '--ro-bind', '/', '/', 'true'],
    without: 'no private file system for tools',
  },
];

/**
 * Finds out which programs this machine has. Only Node is always needed; engines.ts checks those that engines
 * need.
 */
export async function inspectRuntime(): Promise<Section[]> {
  const [tools, sandboxes] = await Promise.all([
    Promise.all(TOOLS.map(inspectTool)),
    Promise.all(SANDBOXES.map(inspectTool)),
  ]);
  return [
    { title: 'Programs', findings: [nodeFinding(), ...tools] },
    { title: 'Sandbox', findings: sandboxes },
  ];
}

function nodeFinding(): Finding {
  const isNewEnough = Number(process.versions.node.split('.')[0]) >= NODE_NEEDED;
  return isNewEnough
    ? { name: 'Node', state: 'ok', found: process.version }
    : {
        name: 'Node',
        state: 'missing',
        found: process.version,
        fix: `Install Node ${NODE_NEEDED} or newer.`,
      };
}

async function inspectTool({ name, command: [program, ...args], without }: Tool): Promise<Finding> {
  const line = await firstLineOf(program, args);
  if (line === undefined) return { name, state: 'note', found: `not usable here: ${without}` };
  return { name, state: 'ok', found: line || 'works' };
}
