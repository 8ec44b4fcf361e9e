import { PLAN_TERMS, type PlanTerms } from '../../../domain/access/account-plan.ts';
import { type AdminOptions, findAdminService } from '../../service-client/find-service.ts';
import { createGraphqlClient } from '../../service-client/graphql-client.ts';
import { mutate, REFUSAL } from '../../service-client/mutation.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { renderTable } from '../../terminal/terminal.ts';

/** A plan as the service shows it. */
export type PlanView = PlanTerms & { name: string };

type Options = AdminOptions & { json?: boolean };

const PLAN = `name ${PLAN_TERMS.join(' ')}`;
const LIST = `query Plans { plans { ${PLAN} } }`;
const EDIT = `mutation Edit($plan: ID!, $changes: JSON!) {
  editPlan(plan: $plan, changes: $changes) { ... on EditPlanSuccess { plan { ${PLAN} } } ${REFUSAL} }
}`;

/** `kiln plans list` */
export async function listPlans({ json, ...options }: Options): Promise<void> {
  show(await createPlansClient(options).list(), json);
}

/** `kiln plans edit`: changes terms; every `--set` is `term=value` with the value in JSON. */
export async function editPlan(
  plan: string,
  { set, json, ...options }: Options & { set: Record<string, unknown> },
): Promise<void> {
  show([await createPlansClient(options).change(plan, set)], json);
}

/** Creates the calls of the commands on plans. */
export function createPlansClient(options: AdminOptions) {
  const client = async () => createGraphqlClient(await findAdminService(options));
  return {
    async list(): Promise<PlanView[]> {
      return (await (await client()).request<{ plans: PlanView[] }>(LIST)).plans;
    },
    async change(plan: string, changes: Record<string, unknown>): Promise<PlanView> {
      const variables = { plan, changes };
      return (await mutate<{ plan: PlanView }>(await client(), 'editPlan', EDIT, variables)).plan;
    },
  };
}

/** Prints a row for each term, as `--set` takes it, with a column for each plan. */
function show(plans: readonly PlanView[], json: boolean | undefined): void {
  if (json) {
    printJson(plans);
    return;
  }
  const columns = [{ title: 'term' }, ...plans.map(({ name }) => ({ title: name, align: 'right' as const }))];
  const rows = PLAN_TERMS.map((term) => [term, ...plans.map((plan) => shownTerm(plan[term]))]);
  print(`${renderTable(columns, rows)}\n`);
}

/** Returns the value of a term for people. */
export function shownTerm(value: unknown): string {
  if (value === null) return 'unlimited';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
}
