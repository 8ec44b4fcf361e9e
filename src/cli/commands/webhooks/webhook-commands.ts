import { type Command, InvalidArgumentError, Option } from 'commander';
import { limitOption, withEither } from '../../terminal/command-line.ts';

const MINUTE = 60_000;
const UNITS: Readonly<Record<string, number>> = { m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };

const account = ['--account <accountId>', 'for the operator: another account'] as const;
const description = ['--description <text>', 'a description for people'] as const;
const id = ['<endpointId>', 'the id of the endpoint'] as const;

/** Adds `kiln webhooks`: endpoints and their deliveries. */
export function addWebhookCommands(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .description('manage endpoints that get events, and deliveries to them');
  addEndpoints(webhooks);
  addChanges(webhooks);
  addDeliveries(webhooks);
}

function withAccount(command: Command): Command {
  return withEither(command).option(...account);
}

function addEndpoints(webhooks: Command): void {
  const events = () =>
    new Option('-e, --event <event...>', 'such as job.ready, job.* or *').default([], 'everything');
  withAccount(webhooks.command('list'))
    .description('list the endpoints of an account')
    .action(async (options) => (await import('./webhooks.ts')).listEndpoints(options));
  withAccount(webhooks.command('create'))
    .description('make an endpoint and print its secret, once')
    .argument('<url>', 'an absolute http or https URL')
    .addOption(events())
    .option(...description)
    .action(async (url, options) => (await import('./webhooks.ts')).createEndpoint(url, options));
  withAccount(webhooks.command('update'))
    .description('change address, events or description of an endpoint')
    .argument(...id)
    .option('--new-url <url>', 'the new address')
    .addOption(events())
    .option(...description)
    .action(async (of, options) => (await import('./webhooks.ts')).updateEndpoint(of, options));
}

function addChanges(webhooks: Command): void {
  withAccount(webhooks.command('delete'))
    .description('delete an endpoint; what waits for it is discarded')
    .argument(...id)
    .action(async (of, options) =>
      (await import('./webhooks.ts')).changeEndpoint('deleteWebhookEndpoint', of, options),
    );
  withAccount(webhooks.command('rotate'))
    .description('make a new secret and print it, once; the old one also signs for one more day')
    .argument(...id)
    .action(async (of, options) => (await import('./webhooks.ts')).rotateSecret(of, options));
  withAccount(webhooks.command('pause'))
    .description('send nothing to an endpoint until it is resumed; new messages wait')
    .argument(...id)
    .action(async (of, options) =>
      (await import('./webhooks.ts')).changeEndpoint('pauseWebhookEndpoint', of, options),
    );
  withAccount(webhooks.command('resume'))
    .description('send to an endpoint again, after a pause or after it was disabled')
    .argument(...id)
    .action(async (of, options) =>
      (await import('./webhooks.ts')).changeEndpoint('resumeWebhookEndpoint', of, options),
    );
}

function addDeliveries(webhooks: Command): void {
  withAccount(webhooks.command('test'))
    .description('send the event endpoint.test to an endpoint')
    .argument(...id)
    .action(async (of, options) => (await import('./webhook-deliveries.ts')).testEndpoint(of, options));
  withAccount(webhooks.command('deliveries'))
    .description('list the latest deliveries')
    .option('--endpoint <endpointId>', 'only those to this endpoint')
    .option('--job <jobId>', 'only those about this job')
    .addOption(
      new Option('--state <state>', 'only those in this state').choices([
        'pending',
        'delivered',
        'failed',
        'discarded',
      ]),
    )
    .addOption(limitOption())
    .action(async (options) => (await import('./webhook-deliveries.ts')).listDeliveries(options));
  withAccount(webhooks.command('delivery'))
    .description('show one delivery with its attempts and its body')
    .argument('<deliveryId>', 'the id of the delivery')
    .action(async (of, options) => (await import('./webhook-deliveries.ts')).showDelivery(of, options));
  withAccount(webhooks.command('replay'))
    .description('send one delivery again, or with --since all that have ended since then')
    .argument('[deliveryId]', 'the delivery, unless --since is given')
    .option('--since <moment>', 'a time such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h, 3d', toMoment)
    .option('--until <moment>', 'the same; now unless given', toMoment)
    .option('--endpoint <endpointId>', 'only those to this endpoint')
    .option('--failed', 'only those that failed')
    .action(async (of, options, command: Command) => {
      if ((of === undefined) === (options.since === undefined))
        command.error('error: name one delivery, or give --since', { exitCode: 2 });
      await (await import('./webhook-deliveries.ts')).replay(of, options);
    });
}

/**
 * Returns a moment in ISO 8601, from one or from how long ago it was (30m, 2h, 3d).
 * @throws InvalidArgumentError.
 */
function toMoment(text: string): string {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const ago = Number(count) * (UNITS[unit] ?? Number.NaN);
  const at = Number.isNaN(ago) ? new Date(text) : new Date(Date.now() - ago);
  const isMoment = !Number.isNaN(ago) || /^\d{4}-\d{2}-\d{2}T/.test(text);
  if (isMoment && !Number.isNaN(at.getTime())) return at.toISOString();
  throw new InvalidArgumentError('It must be a moment such as 2026-01-31T12:00:00Z, or 30m, 2h, 3d ago.');
}
