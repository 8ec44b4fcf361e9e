import { styleText } from 'node:util';
import { type Config, ConfigError, loadConfig } from '../../config.ts';
import { print } from '../terminal/print.ts';
import { printJson } from '../terminal/print-json.ts';
import { renderTable } from '../terminal/terminal.ts';
import { inspectConverters } from './converters.ts';
import { inspectEngines } from './engines.ts';
import type { Finding, Section } from './finding.ts';
import { inspectFolders } from './folders.ts';
import { inspectRuntime } from './runtime.ts';
import { describeVariables, type VariableView } from './variables.ts';

const MARKS = { ok: ['green', '✓'], note: ['yellow', '•'], missing: ['red', '✗'] } as const;
const NAME_WIDTH = 12;

/** `kiln doctor`: prints what is here, what is not, and how to mend it. Exit code 1 if Kiln could not work. */
export async function runDoctor({ json }: { json?: boolean }): Promise<void> {
  const { config, section } = readConfig();
  const [runtime, ...others] = await Promise.all([
    inspectRuntime(),
    inspectEngines(config),
    inspectConverters(),
    inspectFolders(config),
  ]);
  const sections = [...runtime, ...others, section];
  const variables = describeVariables(config);
  const missing = sections.flatMap(({ findings }) => findings).filter(({ state }) => state === 'missing');
  if (json) printJson({ healthy: missing.length === 0, sections, variables });
  else print(render(sections, variables, missing));
  process.exitCode = missing.length === 0 ? 0 : 1;
}

/** Reads the configuration. If it is invalid, returns the defaults, and the error as a finding. */
function readConfig(): { config: Config; section: Section } {
  const title = 'Configuration';
  try {
    return {
      config: loadConfig(),
      section: { title, findings: [{ name: 'variables', state: 'ok', found: 'valid' }] },
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = 'Correct or unset the variables.';
    const findings: Finding[] = [{ name: 'variables', state: 'missing', found: error.message, fix }];
    return { config: loadConfig({}), section: { title, findings } };
  }
}

function render(
  sections: readonly Section[],
  variables: readonly VariableView[],
  missing: readonly Finding[],
): string {
  const columns = ['variable', 'value', 'default', 'must be'].map((title) => ({ title }));
  const table = renderTable(
    columns,
    variables.map(({ name, value, default: usual, format }) => [name, value, usual, format]),
  );
  return `${sections.map(renderSection).join('\n\n')}\n\n${table}\n\n${summary(missing)}\n`;
}

function renderSection({ title, findings }: Section): string {
  const lines = findings.map(({ name, state, found, fix }) => {
    const [color, mark] = MARKS[state];
    const repair = fix ? `\n${' '.repeat(NAME_WIDTH + 5)}${fix}` : '';
    return `  ${styleText(color, mark)} ${name.padEnd(NAME_WIDTH)}  ${found}${repair}`;
  });
  return [styleText('bold', title), ...lines].join('\n');
}

function summary(missing: readonly Finding[]): string {
  if (missing.length === 0) return 'Kiln can work here.';
  return `Kiln cannot work here yet: ${missing.map(({ name }) => name).join(', ')} (see ✗ above).`;
}
