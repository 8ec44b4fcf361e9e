import type { Command } from 'commander';
import { requireAmount } from '../../../domain/credits/credits.ts';
import { judgedBy, limitOption, withEither, withOperator } from '../../terminal/command-line.ts';

/** `kiln credits`: what an account has and had; the operator tops up and checks. */
export function addCreditCommands(program: Command): void {
  const credits = program.command('credits').description('show, grant and check media credits');
  const account = ['--account <accountId>', 'for the operator: another account'] as const;

  withEither(credits.command('balance'))
    .description('show what an account has')
    .option(...account)
    .action(async (options) => (await import('./credits.ts')).showBalance(options));
  withEither(credits.command('ledger'))
    .description('list the latest movements, newest first')
    .option(...account)
    .addOption(limitOption())
    .action(async (options) => (await import('./credits.ts')).listLedger(options));
  withOperator(credits.command('grant'))
    .description('for the operator: top an account up')
    .argument('<accountId>', 'who gets them')
    .argument('<amount>', 'how many', toAmount)
    .option('--grant-id <uuid>', 'with the same id the grant is made once, however often it is asked for')
    .action(async (id, amount, options) => (await import('./credits.ts')).grantCredits(id, amount, options));
  withOperator(credits.command('reconcile'))
    .description('for the operator: prove that every balance is the sum of its ledger')
    .action(async (options) => (await import('./credits.ts')).reconcile(options));
}

/** A number of credits as an argument. */
export function toAmount(value: string): number {
  return judgedBy(() => requireAmount(Number(value)));
}
