import { type Command, InvalidArgumentError, Option } from 'commander';
import { KEY_PREFIXES, KEY_SCOPES } from '../domain/account.ts';
import { toAmount } from './credit-commands.ts';
import type { Restriction } from './keys.ts';

/** Adds the options that every command against a service has. */
export type WithService = (command: Command) => Command;

/** The same for commands of the operator. */
export function withAdminToken(withService: WithService): WithService {
  const description = "the operator's token; the one of this data folder unless given";
  return (command) =>
    withService(command).addOption(new Option('--admin-token <token>', description).env('KILN_ADMIN_TOKEN'));
}

/** `kiln accounts`, `kiln keys`, `kiln plans`: what the operator, and in part the owner, may do. */
export function addAccountCommands(program: Command, withService: WithService, limit: Option): void {
  const withAdmin = withAdminToken(withService);
  addAccounts(program.command('accounts').description('make, list and change accounts'), withAdmin, limit);
  addKeys(program.command('keys').description('make, list, rename, rotate and revoke API keys'), withAdmin);
  addPlans(program.command('plans').description('show and change what plans include'), withAdmin);
}

function addAccounts(accounts: Command, withAdmin: WithService, limit: Option): void {
  const credits = new Option('--credits <n>', 'media credits to begin with').default(0).argParser(toAmount);
  withAdmin(accounts.command('list'))
    .description('list the latest accounts')
    .addOption(limit)
    .action(async (options) => (await import('./accounts.ts')).listAccounts(options));
  withAdmin(accounts.command('create'))
    .description('make an account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--plan <plan>', 'its plan, see `kiln plans list`', 'free')
    .addOption(credits)
    .action(async (options) => (await import('./accounts.ts')).createAccount(options));
  withAdmin(accounts.command('rename'))
    .description('give an account another name')
    .argument('<accountId>', 'its id')
    .requiredOption('--name <name>', 'the new name')
    .action(async (id, options) => (await import('./accounts.ts')).renameAccount(id, options));
  withAdmin(accounts.command('link'))
    .description('let a person of the login server (OIDC) in as an account')
    .argument('<accountId>', 'its id')
    .requiredOption('--subject <sub>', 'who it is: the sub of the person’s tokens')
    .action(async (id, options) => (await import('./accounts.ts')).linkAccount(id, options));
  withAdmin(accounts.command('unlink'))
    .description('let nobody in by login any more')
    .argument('<accountId>', 'its id')
    .action(async (id, options) => (await import('./accounts.ts')).linkAccount(id, options));
  withAdmin(accounts.command('end-sessions'))
    .description('end all sessions and logins of an account')
    .argument('<accountId>', 'its id')
    .action(async (id, options) => (await import('./accounts.ts')).endSessions(id, options));
  withAdmin(accounts.command('set-plan'))
    .description('move an account to another plan')
    .argument('<accountId>', 'its id')
    .requiredOption('--plan <plan>', 'the new plan')
    .action(async (id, options) => (await import('./accounts.ts')).setAccountPlan(id, options));
}

function addKeys(keys: Command, withAdmin: WithService): void {
  const account = ['--account <accountId>', 'whose keys; with --api-key its own account'] as const;
  withAdmin(keys.command('list'))
    .description('list the keys of an account')
    .option(...account)
    .action(async (options) => (await import('./keys.ts')).listKeys(options));
  withAdmin(keys.command('create'))
    .description('make a key and print it, once')
    .option(...account)
    .requiredOption('--name <name>', 'what people call it')
    .addOption(
      new Option('--dialect <dialect>', 'the API that it is made for')
        .choices(Object.keys(KEY_PREFIXES))
        .default('kiln'),
    )
    .addOption(
      new Option('--scope <scope...>', 'what it may do; everything unless given')
        .choices(KEY_SCOPES)
        .default([], 'all'),
    )
    .option('--restrict <rule>', 'ip=<address or range>,… or domain=<domain>,…', toRestriction)
    .action(async (options) => (await import('./keys.ts')).createKey(options));
  withAdmin(keys.command('rename'))
    .description('give a key another name')
    .argument('<keyId>', 'its id')
    .requiredOption('--name <name>', 'the new name')
    .action(async (id, options) => (await import('./keys.ts')).renameKey(id, options));
  withAdmin(keys.command('rotate'))
    .description('give a key new secrets and print them, once')
    .argument('<keyId>', 'its id')
    .action(async (id, options) => (await import('./keys.ts')).rotateKey(id, options));
  withAdmin(keys.command('revoke'))
    .description('end a key for good')
    .argument('<keyId>', 'its id')
    .action(async (id, options) => (await import('./keys.ts')).revokeKey(id, options));
}

function addPlans(plans: Command, withAdmin: WithService): void {
  withAdmin(plans.command('list'))
    .description('list the plans')
    .action(async (options) => (await import('./plans.ts')).listPlans(options));
  withAdmin(plans.command('edit'))
    .description('change terms of a plan')
    .argument('<plan>', 'its name')
    .requiredOption('--set <term=value>', 'such as callsPerMinute=120 or =null for none; repeatable', toTerm)
    .action(async (plan, options) => (await import('./plans.ts')).editPlan(plan, options));
  withAdmin(plans.command('apply'))
    .description('change the plans that a JSON file names')
    .argument('<file>', 'such as {"basic": {"callsPerMinute": 120}}')
    .action(async (file, options) => (await import('./plans.ts')).applyPlans(file, options));
}

function toRestriction(text: string): Restriction {
  const [, kind, list = ''] = /^(ip|domain)=(.+)$/.exec(text) ?? [];
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  if (entries.length > 0) return kind === 'ip' ? { ip: entries } : { domain: entries };
  throw new InvalidArgumentError('It must be ip=<address or range>,… or domain=<domain>,….');
}

function toTerm(text: string, known: Record<string, unknown> = {}): Record<string, unknown> {
  const [, term = '', value = ''] = /^(\w+)=(.+)$/.exec(text) ?? [];
  try {
    return { ...known, [term]: JSON.parse(value) };
  } catch {
    throw new InvalidArgumentError('It must be <term>=<number, true, false or null>.');
  }
}
