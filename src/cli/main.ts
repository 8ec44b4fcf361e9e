import { CommanderError } from 'commander';
import { visible } from '../domain/visible-text.ts';
import { addAccountCommands } from './commands/access/account-commands.ts';
import { addSecretCommands } from './commands/access/secret-commands.ts';
import { addBatchCommands } from './commands/batches/batch-commands.ts';
import { addCreditCommands } from './commands/credits/credit-commands.ts';
import { addWebhookCommands } from './commands/webhooks/webhook-commands.ts';
import { CommandError } from './terminal/command-error.ts';
import { CommandLine, limitOption, setOption, withJson, withService } from './terminal/command-line.ts';
import { printError } from './terminal/print.ts';

/** Exit code for a wrong command line or environment; a refusal by the service is 1. */
const USAGE_ERROR = 2;

const OTHER_COMMANDS = `
Of the service itself:
  start                     API, worker and engines on this machine (npm start)
  server | worker           one process each, for production
  demo | test | bench       try it, check it, measure it`;

/** Builds the commands. Each loads its own code only when it runs, so that --help is fast. */
function createProgram(): CommandLine {
  const program = new CommandLine('kiln')
    .description('Kiln converts files, durably.')
    .addHelpText('after', OTHER_COMMANDS)
    .exitOverride();

  withService(program.command('convert'))
    .description('convert one file through a running Kiln; many: see `kiln batches`')
    .argument('<file>', 'the file to convert')
    .requiredOption('-t, --to <format>', 'format of the result, see `kiln formats`')
    .addOption(setOption())
    .option('-o, --output <path>', 'where to put the result; beside the file unless given')
    .option('-f, --force', 'replace a file that is already there')
    .action(async (file, options) => (await import('./commands/jobs/convert.ts')).convertFile(file, options));

  withService(program.command('jobs'))
    .description('list the latest jobs')
    .addOption(limitOption())
    .action(async (options) => (await import('./commands/jobs/jobs.ts')).listJobs(options));

  withService(program.command('watch'))
    .description('show what happens to a job until it ends')
    .argument('<jobId>', 'the id of the job')
    .action(async (jobId, options) => (await import('./commands/jobs/watch.ts')).watchJob(jobId, options));

  addBatchCommands(program);
  addAccountCommands(program);
  addCreditCommands(program);
  addSecretCommands(program);
  addWebhookCommands(program);

  withJson(program.command('formats'))
    .description('list the formats and what can become what')
    .action(async (options) => (await import('./commands/files/formats.ts')).listFormats(options));

  withJson(program.command('doctor'))
    .description('check this machine: engines, folders, configuration')
    .action(async (options) => (await import('./doctor/doctor.ts')).runDoctor(options));

  return program;
}

/** Prints an error, unless commander has already done so, and returns the exit code. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  const message = error instanceof Error ? error.message : String(error);
  const { hint, code, isUsage } = error instanceof CommandError ? error : new CommandError(message);
  printError(`kiln: ${visible([message, hint, code && `(${code})`].filter(Boolean).join(' '))}\n`);
  return isUsage ? USAGE_ERROR : 1;
}

try {
  const program = createProgram();
  // A bare `kiln` asks for help, which is no error.
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
