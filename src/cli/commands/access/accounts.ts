import { type AdminOptions, findAdminService } from '../../service-client/find-service.ts';
import { createGraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { printJson } from '../../terminal/print-json.ts';
import { printTable } from '../../terminal/terminal.ts';
import { GRANT_CREDITS } from '../credits/credits.ts';

interface AccountView {
  accountId: string;
  name: string;
  createdAt: string;
  plan: { name: string };
}

type Options = AdminOptions & { json?: boolean };

const ACCOUNT = 'accountId name createdAt plan { name }';
const SUCCESS = `{ ... on AccountSuccess { account { ${ACCOUNT} } } ${REFUSAL} }`;
const LIST = `query Accounts($first: Int!) { accounts(first: $first) { edges { node { ${ACCOUNT} } } } }`;
const CREATE = `mutation Create($name: String!, $plan: ID!) { createAccount(name: $name, plan: $plan) ${SUCCESS} }`;
const RENAME = `mutation Rename($id: ID!, $name: String!) { renameAccount(id: $id, name: $name) ${SUCCESS} }`;
const SET_PLAN = `mutation SetPlan($id: ID!, $plan: ID!) { setAccountPlan(id: $id, plan: $plan) ${SUCCESS} }`;

const LOGINS = `{ ... on LoginsSuccess { account { ${ACCOUNT} } } ${REFUSAL} }`;
const LINK = `mutation Link($id: ID!, $subject: String) { linkAccount(id: $id, subject: $subject) ${LOGINS} }`;
const END_SESSIONS = `mutation End($id: ID!) { endSessions(id: $id) ${LOGINS} }`;

const COLUMNS = ['account', 'name', 'plan', 'created'].map((title) => ({ title }));

/** `kiln accounts list`: the latest accounts, newest first. */
export async function listAccounts({ json, limit, ...options }: Options & { limit: number }): Promise<void> {
  const graphql = createGraphqlClient(await findAdminService(options));
  const { accounts } = await graphql.request<{ accounts: { edges: { node: AccountView }[] } }>(LIST, {
    first: limit,
  });
  const all = accounts.edges.map(({ node }) => node);
  if (json) printJson(all.map(flat));
  else showAll(all);
}

/** `kiln accounts create`. Credits are granted under the account's id, so that a repeat grants them once. */
export async function createAccount({
  name,
  plan,
  credits,
  ...options
}: Options & { name: string; plan: string; credits: number }) {
  const account = await change('createAccount', CREATE, { name, plan }, options);
  if (credits > 0) await grant(account, credits, options);
  show(account, options);
}

/** `kiln accounts rename` */
export async function renameAccount(id: string, { name, ...options }: Options & { name: string }) {
  show(await change('renameAccount', RENAME, { id, name }, options), options);
}

/** `kiln accounts link` and `unlink`: without a subject the link ends. */
export async function linkAccount(id: string, { subject, ...options }: Options & { subject?: string }) {
  show(await change('linkAccount', LINK, { id, subject }, options), options);
}

/** `kiln accounts end-sessions` */
export async function endSessions(id: string, options: Options) {
  show(await change('endSessions', END_SESSIONS, { id }, options), options);
}

/** `kiln accounts set-plan` */
export async function setAccountPlan(id: string, { plan, ...options }: Options & { plan: string }) {
  show(await change('setAccountPlan', SET_PLAN, { id, plan }, options), options);
}

async function change(
  name: string,
  document: string,
  variables: Record<string, unknown>,
  options: Options,
): Promise<AccountView> {
  const graphql = createGraphqlClient(await findAdminService(options));
  return (await mutate<{ account: AccountView }>(graphql, name, document, variables)).account;
}

async function grant({ accountId }: AccountView, amount: number, options: Options): Promise<void> {
  const graphql = createGraphqlClient(await findAdminService(options));
  const input = { accountId, amount, grantId: accountId };
  await mutate(graphql, 'grantCredits', GRANT_CREDITS, { input }).catch((cause: unknown) => {
    throw new CommandError(`The account ${accountId} is made, but has no credits yet.`, {
      hint: `Try \`kiln credits grant ${accountId} ${amount} --grant-id ${accountId}\`.`,
      cause,
    });
  });
}

function show(account: AccountView, { json }: Options): void {
  if (json) printJson(flat(account));
  else showAll([account]);
}

function showAll(accounts: readonly AccountView[]): void {
  printTable(COLUMNS, accounts.map(flat).map(Object.values<string>), 'There are no accounts yet.');
}

function flat({ accountId, name, plan, createdAt }: AccountView) {
  return { accountId, name, plan: plan.name, createdAt };
}
