import { Command, type ErrorOptions, type HelpContext, InvalidArgumentError, Option } from 'commander';
import { KilnError } from '../../domain/errors.ts';

/** A command that prints in one line what is wrong with its arguments, and where to read on. */
export class CommandLine extends Command {
  // biome-ignore lint/style/useThisInClassMethods: commander asks the parent to make its commands.
  override createCommand(name?: string): CommandLine {
    return new CommandLine(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    const problem = message
      .replace(/^error: /, '')
      .replaceAll(/\s+/g, ' ')
      .trim();
    super.error(
      `kiln: ${problem}${problem.endsWith('.') ? '' : '.'} See \`${pathOf(this)} --help\`.`,
      options,
    );
  }

  override help(context?: HelpContext | ((text: string) => string)): never {
    const names = this.commands.map((command) => command.name()).join(', ');
    if (typeof context === 'object' && context.error) this.error(`${this.name()} needs a command: ${names}.`);
    super.help();
  }
}

function pathOf(command: { name(): string; parent: unknown }): string {
  const parents = command.parent instanceof Command ? [pathOf(command.parent)] : [];
  return [...parents, command.name()].join(' ');
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** Adds the options of commands for owners of a key. */
export function withService(command: Command): Command {
  return withUrl(command).addOption(
    new Option('--api-key <key>', 'the key to call it with').env('KILN_API_KEY'),
  );
}

/** Adds the options of commands for the operator. */
export function withOperator(command: Command): Command {
  return withUrl(command).addOption(
    new Option('--admin-token <token>', "the operator's token; the one of this data folder unless given").env(
      'KILN_ADMIN_TOKEN',
    ),
  );
}

/** Adds the options of commands for owners of a key and for the operator. */
export function withEither(command: Command): Command {
  return withOperator(command).addOption(
    new Option('--api-key <key>', 'act as the owner of this key').env('KILN_API_KEY'),
  );
}

/** Returns `--limit`, the length of a list. */
export function limitOption(): Option {
  return new Option('-n, --limit <count>', 'how many, at most 100').argParser(toLimit).default(25);
}

/** Returns `--set`, a repeatable conversion option; parses values that look like numbers or booleans. */
export function setOption(): Option {
  return new Option('-s, --set <name=value>', 'an option of the conversion, such as width=800; repeatable')
    .argParser(toSettings)
    .default({}, 'none');
}

/** Parses an argument by the domain, and turns its KilnError into one of the command line. */
export function judgedBy<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    throw new InvalidArgumentError([error.message, error.hint].filter(Boolean).join(' '));
  }
}

function withUrl(command: Command): Command {
  return withJson(command).addOption(
    new Option('--url <url>', 'the service; the one of this data folder unless given').env('KILN_URL'),
  );
}

function toLimit(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= 100) return count;
  throw new InvalidArgumentError('It must be a whole number from 1 to 100.');
}

function toSettings(pair: string, known: Record<string, unknown>): Record<string, unknown> {
  const at = pair.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must have the form name=value.');
  return { ...known, [pair.slice(0, at)]: toSetting(pair.slice(at + 1)) };
}

function toSetting(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
