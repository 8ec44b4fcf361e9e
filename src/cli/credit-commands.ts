import { type Command, InvalidArgumentError, Option } from 'commander';

/** Adds the options that every command against a service has. */
type WithService = (command: Command) => Command;

/** `kiln credits`: what an account has and had; the operator tops up and checks. */
export function addCreditCommands(program: Command, withService: WithService, limit: Option): void {
  const credits = program.command('credits').description('show, grant and check media credits');
  const withAdmin: WithService = (command) =>
    withService(command).addOption(
      new Option(
        '--admin-token <token>',
        "the operator's token; the one of this data folder unless given",
      ).env('KILN_ADMIN_TOKEN'),
    );
  const account = ['--account <accountId>', 'for the operator: another account'] as const;

  withAdmin(credits.command('balance'))
    .description('show what an account has')
    .option(...account)
    .action(async (options) => (await import('./credits.ts')).showBalance(options));
  withAdmin(credits.command('ledger'))
    .description('list the latest movements, newest first')
    .option(...account)
    .addOption(limit)
    .action(async (options) => (await import('./credits.ts')).listLedger(options));
  withAdmin(credits.command('grant'))
    .description('for the operator: top an account up')
    .argument('<accountId>', 'who gets them')
    .argument('<amount>', 'how many', toAmount)
    .option('--grant-id <uuid>', 'with the same id the grant is made once, however often it is asked for')
    .action(async (id, amount, options) => (await import('./credits.ts')).grantCredits(id, amount, options));
  withAdmin(credits.command('reconcile'))
    .description('for the operator: prove that every balance is the sum of its ledger')
    .action(async (options) => (await import('./credits.ts')).reconcile(options));
}

/** A number of credits as an argument. */
export function toAmount(value: string): number {
  const amount = Number(value);
  if (Number.isInteger(amount) && amount >= 1) return amount;
  throw new InvalidArgumentError('It must be a whole number of at least 1.');
}
