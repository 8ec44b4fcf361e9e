import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { KEY_SCOPES } from '../../../domain/access/account.ts';
import { DEFAULT_PLANS, GUEST_PLAN } from '../../../domain/access/account-plan.ts';
import { parseRestriction } from '../../../domain/access/key-restriction.ts';
import { DIALECTS, KEY_PREFIXES } from '../../../domain/dialect.ts';
import { judgedBy, limitOption, withEither, withOperator } from '../../terminal/command-line.ts';
import { toAmount } from '../credits/credit-commands.ts';
import type { Restriction } from './keys.ts';

const PLANS = [...DEFAULT_PLANS.keys()];
const planOption = () =>
  new Option('--plan <plan>', 'its plan').choices(PLANS.filter((plan) => plan !== GUEST_PLAN));

/** Adds `kiln accounts`, `kiln keys` and `kiln plans`, for the operator and in part for owners. */
export function addAccountCommands(program: Command): void {
  addAccounts(program.command('accounts').description('make, list and change accounts'));
  addKeys(program.command('keys').description('make, list, rename, rotate and revoke API keys'));
  addPlans(program.command('plans').description('show and change what plans include'));
}

function addAccounts(accounts: Command): void {
  const credits = new Option('--credits <n>', 'media credits to begin with')
    .default(0)
    .argParser((value) => (value === '0' ? 0 : toAmount(value)));
  withOperator(accounts.command('list'))
    .description('list the latest accounts')
    .addOption(limitOption())
    .action(async (options) => (await import('./accounts.ts')).listAccounts(options));
  withOperator(accounts.command('create'))
    .description('make an account')
    .requiredOption('--name <name>', 'a name for people')
    .addOption(planOption().default('free'))
    .addOption(credits)
    .action(async (options) => (await import('./accounts.ts')).createAccount(options));
  withOperator(accounts.command('rename'))
    .description('give an account another name')
    .argument('<accountId>', 'the account')
    .requiredOption('--name <name>', 'the new name')
    .action(async (id, options) => (await import('./accounts.ts')).renameAccount(id, options));
  withOperator(accounts.command('link'))
    .description('let a person of the login server (OIDC) act as an account')
    .argument('<accountId>', 'the account')
    .requiredOption('--subject <sub>', 'the person: the claim `sub` of their tokens')
    .action(async (id, options) => (await import('./accounts.ts')).linkAccount(id, options));
  withOperator(accounts.command('unlink'))
    .description('let nobody act as an account by login any more')
    .argument('<accountId>', 'the account')
    .action(async (id, options) => (await import('./accounts.ts')).linkAccount(id, options));
  withOperator(accounts.command('end-sessions'))
    .description('end all sessions and logins of an account')
    .argument('<accountId>', 'the account')
    .action(async (id, options) => (await import('./accounts.ts')).endSessions(id, options));
  withOperator(accounts.command('set-plan'))
    .description('move an account to another plan')
    .argument('<accountId>', 'the account')
    .addOption(planOption().makeOptionMandatory())
    .action(async (id, options) => (await import('./accounts.ts')).setAccountPlan(id, options));
}

function addKeys(keys: Command): void {
  const account = ['--account <accountId>', 'for the operator: whose keys'] as const;
  withEither(keys.command('list'))
    .description('list the keys of an account')
    .option(...account)
    .action(async (options) => (await import('./keys.ts')).listKeys(options));
  withEither(keys.command('create'))
    .description('make a key and print it, once')
    .option(...account)
    .requiredOption('--name <name>', 'a name for people')
    .addOption(
      new Option('--dialect <dialect>', 'the API that the key is for')
        .choices(Object.keys(KEY_PREFIXES))
        .default(DIALECTS.graphql.key.name),
    )
    .addOption(
      new Option('--scope <scope...>', 'what it may do; everything unless given')
        .choices(KEY_SCOPES)
        .default([], 'all'),
    )
    .option('--restrict <rule>', 'ip=<address or range>,… or domain=<domain>,…', toRestriction)
    .action(async (options) => (await import('./keys.ts')).createKey(options));
  withEither(keys.command('rename'))
    .description('give a key another name')
    .argument('<keyId>', 'the id of the key')
    .requiredOption('--name <name>', 'the new name')
    .action(async (id, options) => (await import('./keys.ts')).renameKey(id, options));
  withEither(keys.command('rotate'))
    .description('give a key new secrets and print them, once')
    .argument('<keyId>', 'the id of the key')
    .action(async (id, options) => (await import('./keys.ts')).rotateKey(id, options));
  withEither(keys.command('revoke'))
    .description('end a key for good')
    .argument('<keyId>', 'the id of the key')
    .action(async (id, options) => (await import('./keys.ts')).revokeKey(id, options));
}

function addPlans(plans: Command): void {
  withOperator(plans.command('list'))
    .description('list the plans')
    .action(async (options) => (await import('./plans.ts')).listPlans(options));
  withOperator(plans.command('edit'))
    .description('change terms of a plan')
    .addArgument(new Argument('<plan>', 'the name of the plan').choices(PLANS))
    .requiredOption('--set <term=value>', 'such as callsPerMinute=120 or =null for none; repeatable', toTerm)
    .action(async (plan, options) => (await import('./plans.ts')).editPlan(plan, options));
  withOperator(plans.command('export'))
    .description('print all plans as the JSON that `kiln plans apply` takes')
    .option('-o, --output <path>', 'write to this file instead')
    .action(async (options) => (await import('./plan-file.ts')).exportPlans(options));
  withOperator(plans.command('apply'))
    .description('change the plans to what a JSON file says, all or none')
    .argument(
      '<file>',
      'such as {"basic": {"callsPerMinute": 120}}; terms that it does not name stay as they are',
    )
    .option('--dry-run', 'only show what would change')
    .action(async (file, options) => (await import('./plan-file.ts')).applyPlans(file, options));
}

function toRestriction(text: string): Restriction {
  const [, kind, list = ''] = /^(ip|domain)=(.+)$/.exec(text) ?? [];
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  if (entries.length === 0)
    throw new InvalidArgumentError('It must be ip=<address or range>,… or domain=<domain>,….');
  const restriction = kind === 'ip' ? { ip: entries } : { domain: entries };
  judgedBy(() => parseRestriction(restriction));
  return restriction;
}

function toTerm(text: string, known: Record<string, unknown> = {}): Record<string, unknown> {
  const [, term = '', value = ''] = /^(\w+)=(.+)$/.exec(text) ?? [];
  try {
    return { ...known, [term]: JSON.parse(value) };
  } catch {
    throw new InvalidArgumentError('It must be <term>=<number, true, false or null>.');
  }
}
