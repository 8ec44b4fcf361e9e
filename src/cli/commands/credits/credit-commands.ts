import type { Command } from 'commander';
import { requireAmount } from '../../../domain/credits/credits.ts';
import { judgedBy, limitOption, withEither, withOperator } from '../../terminal/command-line.ts';

/** Adds `kiln credits`, for owners and the operator. */
export function addCreditCommands(program: Command): void {
  const credits = program.command('credits').description('show, grant and check media credits');
  const account = ['--account <accountId>', 'for the operator: another account'] as const;

  withEither(credits.command('balance'))
    .description('show the credits of an account')
    .option(...account)
    .action(async (options) => (await import('./credits.ts')).showBalance(options));
  withEither(credits.command('ledger'))
    .description('list the latest movements, newest first')
    .option(...account)
    .addOption(limitOption())
    .action(async (options) => (await import('./credits.ts')).listLedger(options));
  withOperator(credits.command('grant'))
    .description('for the operator: give an account credits')
    .argument('<accountId>', 'the account that gets them')
    .argument('<amount>', 'how many', toAmount)
    .option('--grant-id <uuid>', 'an id of your own; repeating the command with it grants only once')
    .action(async (id, amount, options) => (await import('./credits.ts')).grantCredits(id, amount, options));
  withOperator(credits.command('reconcile'))
    .description('for the operator: check that every balance is the sum of its ledger')
    .action(async (options) => (await import('./credits.ts')).reconcile(options));
}

/** Parses a number of credits. */
export function toAmount(value: string): number {
  return judgedBy(() => requireAmount(Number(value)));
}
