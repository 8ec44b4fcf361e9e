import { type AdminOptions, findAdminService, findService } from '../../service-client/find-service.ts';
import { createGraphqlClient, type GraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { printTable, renderTable } from '../../terminal/terminal.ts';

/** Options of every command on credits. With `account` the operator acts, without it the owner. */
export type CreditsOptions = AdminOptions & { json?: boolean; account?: string };

interface BalanceView {
  available: number;
  held: number;
}

interface EntryView {
  entryId: string;
  seq: number;
  kind: string;
  jobId: string | null;
  change: BalanceView;
  balance: BalanceView;
  at: string;
}

interface AccountView extends BalanceView {
  accountId: string;
  name: string;
}

interface DifferenceView {
  accountId: string;
  what: string;
  expected: number;
  found: number;
}

const BALANCE = `query Balance($id: ID) { account(id: $id) { accountId name available held } }`;
const LEDGER = `query Ledger($id: ID, $first: Int!) {
  account(id: $id) { ledger(first: $first) { edges { node {
    entryId seq kind jobId change { available held } balance { available held } at
  } } } }
}`;
/** The mutation that gives an account credits. */
export const GRANT_CREDITS = `mutation Grant($input: GrantCreditsInput!) {
  grantCredits(input: $input) {
    ... on GrantCreditsSuccess { balance { available held } }
    ${REFUSAL}
  }
}`;
const RECONCILE = `{ reconcileCredits { accounts entries differences { accountId what expected found } } }`;

const right = (title: string) => ({ title, align: 'right' as const });
const LEDGER_COLUMNS = [
  right('no.'),
  ...['at', 'kind'].map((title) => ({ title })),
  ...['change', 'held', 'balance', 'held then'].map(right),
  { title: 'job' },
];

/** `kiln credits balance`: prints what may be spent, and what running jobs hold. */
export async function showBalance(options: CreditsOptions): Promise<void> {
  const { account } = await ask(options, (graphql) =>
    graphql.request<{ account: AccountView }>(BALANCE, { id: options.account }),
  );
  if (options.json) printJson(account);
  else {
    const { name, available, held } = account;
    print(`${name}: ${available} media credits, and ${held} held for running jobs\n`);
  }
}

/** `kiln credits ledger`: prints the latest movements, newest first. */
export async function listLedger({ limit, ...options }: CreditsOptions & { limit: number }): Promise<void> {
  const { account } = await ask(options, (graphql) =>
    graphql.request<{ account: { ledger: { edges: { node: EntryView }[] } } }>(LEDGER, {
      id: options.account,
      first: limit,
    }),
  );
  const entries = account.ledger.edges.map(({ node }) => node);
  if (options.json) printJson(entries);
  else printTable(LEDGER_COLUMNS, entries.map(cellsOf), 'There are no movements yet.');
}

/** `kiln credits grant`: gives an account credits. */
export async function grantCredits(
  accountId: string,
  amount: number,
  { grantId, ...options }: CreditsOptions & { grantId?: string },
): Promise<void> {
  const { balance } = await askOperator(options, (graphql) =>
    mutate<{ balance: BalanceView }>(graphql, 'grantCredits', GRANT_CREDITS, {
      input: { accountId, amount, grantId },
    }),
  );
  const { available, held } = balance;
  if (options.json) printJson({ accountId, available, held });
  else print(`The account has ${available} media credits now, and ${held} held.\n`);
}

/** `kiln credits reconcile`: checks the ledger of all accounts. @throws CommandError if something does not agree. */
export async function reconcile(options: CreditsOptions): Promise<void> {
  const { reconcileCredits: report } = await askOperator(options, (graphql) =>
    graphql.request<{
      reconcileCredits: { accounts: number; entries: number; differences: DifferenceView[] };
    }>(RECONCILE),
  );
  const { accounts, entries, differences } = report;
  if (options.json) printJson(report);
  else {
    const columns = [{ title: 'account' }, { title: 'what' }, right('expected'), right('found')];
    const rows = differences.map(({ accountId, what, expected, found }) => [
      accountId,
      what,
      String(expected),
      String(found),
    ]);
    if (rows.length > 0) print(`${renderTable(columns, rows)}\n\n`);
    print(
      `${accounts} accounts, ${entries} entries, ${differences.length} differences: ${rows.length > 0 ? 'something is wrong' : 'every balance is the sum of its ledger'}.\n`,
    );
  }
  if (differences.length > 0) process.exitCode = 1;
}

type Work<T> = (graphql: GraphqlClient) => Promise<T>;

async function ask<T>(options: CreditsOptions, work: Work<T>): Promise<T> {
  return options.account
    ? askOperator(options, work)
    : talk(createGraphqlClient(await findService(options)), work);
}

async function askOperator<T>(options: CreditsOptions, work: Work<T>): Promise<T> {
  return talk(createGraphqlClient(await findAdminService(options)), work);
}

async function talk<T>(graphql: GraphqlClient, work: Work<T>): Promise<T> {
  try {
    return await work(graphql);
  } finally {
    await graphql.close();
  }
}

function cellsOf({ seq, at, kind, jobId, change, balance }: EntryView): string[] {
  const signed = (amount: number) => (amount > 0 ? `+${amount}` : String(amount));
  return [
    String(seq),
    at,
    kind.toLowerCase(),
    signed(change.available),
    signed(change.held),
    String(balance.available),
    String(balance.held),
    jobId ?? '',
  ];
}
