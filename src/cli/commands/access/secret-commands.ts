import type { Command } from 'commander';
import { withJson, withOperator } from '../../terminal/command-line.ts';

/** Adds `kiln secrets`: the operator's master keys. */
export function addSecretCommands(program: Command): void {
  const secrets = program
    .command('secrets')
    .description('rotate the master keys that sign links and seal secrets');
  withOperator(secrets.command('status'))
    .description('show the master keys and whether an old one can be removed')
    .action(async (options) => (await import('./secrets.ts')).showSecrets(options));
  withJson(secrets.command('new-key'))
    .description('add a new master key to this data folder, which counts from the next start')
    .action(async (options) => (await import('./secrets.ts')).addKey(options));
  withOperator(secrets.command('rotate'))
    .description('seal everything under the newest master key')
    .action(async (options) => (await import('./secrets.ts')).rotateSecrets(options));
  withOperator(secrets.command('prune'))
    .description('remove the master keys of this data folder that nothing needs any more')
    .action(async (options) => (await import('./secrets.ts')).pruneKeys(options));
}
