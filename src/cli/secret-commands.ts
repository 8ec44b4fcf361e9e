import type { Command } from 'commander';
import { type WithService, withAdminToken } from './account-commands.ts';

/** `kiln secrets`: the operator's master keys. */
export function addSecretCommands(program: Command, withService: WithService): void {
  const secrets = program
    .command('secrets')
    .description('rotate the master keys that sign links and seal secrets');
  const withAdmin = withAdminToken(withService);
  withAdmin(secrets.command('status'))
    .description('show the master keys and whether an old one may go')
    .action(async (options) => (await import('./secrets.ts')).showSecrets(options));
  secrets
    .command('new-key')
    .description('put a new master key in front, for the next start of this data folder')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./secrets.ts')).addKey(options));
  withAdmin(secrets.command('rotate'))
    .description('seal everything under the newest master key')
    .action(async (options) => (await import('./secrets.ts')).rotateSecrets(options));
  withAdmin(secrets.command('prune'))
    .description('remove the master keys of this data folder that nothing needs any more')
    .action(async (options) => (await import('./secrets.ts')).pruneKeys(options));
}
