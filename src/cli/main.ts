import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { addAccountCommands } from './account-commands.ts';
import { CommandError } from './command-error.ts';
import { addCreditCommands } from './credit-commands.ts';
import { addWebhookCommands } from './webhook-commands.ts';

const USAGE_FAULT = 2;

const OTHER_COMMANDS = `
Of the service itself:
  start                     API, worker and engines on this machine (npm start)
  server | worker           one process each, for production
  demo | test | bench       try it, check it, measure it`;

/** Each command loads its own code only when it is called, so that --help is quick. */
function createProgram(): Command {
  const program = new Command('kiln')
    .description('Kiln converts files, durably.')
    .showHelpAfterError('Run `kiln --help` to see what there is.')
    .addHelpText('after', OTHER_COMMANDS)
    .exitOverride();

  withService(program.command('convert'))
    .description('convert one file through a running Kiln')
    .argument('<file>', 'the file to convert')
    .requiredOption('-t, --to <format>', 'format of the result, see `kiln formats`')
    .option(
      '-s, --set <name=value>',
      'an option of the conversion, such as width=800; repeatable',
      collect,
      [],
    )
    .option('-o, --output <path>', 'where to put the result; beside the file unless given')
    .option('-f, --force', 'replace a file that is already there')
    .action(async (file, options) => {
      const { collectOption, convertFile } = await import('./convert.ts');
      const set = options.set.reduce(
        (known: Record<string, unknown>, pair: string) => collectOption(pair, known),
        {},
      );
      await convertFile(file, { ...options, set });
    });

  withService(program.command('jobs'))
    .description('list the latest jobs')
    .addOption(limitOption())
    .action(async (options) => (await import('./jobs.ts')).listJobs(options));

  withService(program.command('watch'))
    .description('show what happens to a job until it ends')
    .argument('<jobId>', 'its id')
    .action(async (jobId, options) => (await import('./watch.ts')).watchJob(jobId, options));

  addCreditCommands(program, withService, limitOption());
  addAccountCommands(program, withService, limitOption());
  addWebhookCommands(program, withService, limitOption());

  withJson(program.command('formats'))
    .description('list the formats and what can become what')
    .action(async (options) => (await import('./formats.ts')).listFormats(options));

  withJson(program.command('doctor'))
    .description('look at this machine: engines, folders, configuration')
    .action(async (options) => (await import('./doctor.ts')).runDoctor(options));

  return program;
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

function withService(command: Command): Command {
  return withJson(command)
    .addOption(
      new Option('--url <url>', 'the service; the one of this data folder unless given').env('KILN_URL'),
    )
    .addOption(new Option('--api-key <key>', 'the key to call it with').env('KILN_API_KEY'));
}

function collect(value: string, known: readonly string[]): string[] {
  return [...known, value];
}

function limitOption(): Option {
  return new Option('-n, --limit <count>', 'how many, at most 100').argParser(toLimit).default(25);
}

function toLimit(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= 100) return count;
  throw new InvalidArgumentError('It must be a whole number from 1 to 100.');
}

/** Commander has already said what is wrong with the command line; anything else is said here. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_FAULT;
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof CommandError ? error.hint : undefined;
  process.stderr.write(`kiln: ${[message, hint].filter(Boolean).join(' ')}\n`);
  return 1;
}

try {
  const program = createProgram();
  // A bare `kiln` asks for help, which is no fault.
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
