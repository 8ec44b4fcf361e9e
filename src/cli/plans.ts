import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError } from './command-error.ts';
import { type AdminOptions, findAdminService } from './find-service.ts';
import { createGraphqlClient } from './graphql-client.ts';
import { mutate, REFUSAL } from './mutation.ts';
import { printJson } from './print-json.ts';
import { renderTable } from './terminal.ts';

interface PlanView {
  name: string;
  api: boolean;
  swapmyfileApi: boolean;
  batches: boolean;
  callbacks: boolean;
  callsPerMinute: number | null;
  callsPerDay: number | null;
  concurrency: number;
  fileBytes: number | null;
  mediaCredits: number;
  swayzio: boolean;
}

type Options = AdminOptions & { json?: boolean };

const TERMS =
  'api swapmyfileApi batches callbacks callsPerMinute callsPerDay concurrency fileBytes mediaCredits swayzio';
const PLAN = `name ${TERMS}`;
const LIST = `query Plans { plans { ${PLAN} } }`;
const EDIT = `mutation Edit($plan: ID!, $changes: JSON!) {
  editPlan(plan: $plan, changes: $changes) { ... on EditPlanSuccess { plan { ${PLAN} } } ${REFUSAL} }
}`;

const COLUMNS = ['plan', ...TERMS.split(' ')].map((title) => ({ title }));

/** A file of changes: `{"basic": {"callsPerMinute": 120}}`; the service judges the terms. */
const planFile = z.record(z.string(), z.record(z.string(), z.unknown()));

/** `kiln plans list` */
export async function listPlans({ json, ...options }: Options): Promise<void> {
  const graphql = createGraphqlClient(await findAdminService(options));
  const { plans } = await graphql.request<{ plans: PlanView[] }>(LIST);
  show(plans, json);
}

/** `kiln plans edit`: every `--set` is `term=value`, the value as JSON writes it. */
export async function editPlan(
  plan: string,
  { set, json, ...options }: Options & { set: Record<string, unknown> },
): Promise<void> {
  show(await edit([[plan, set]], options), json);
}

/** `kiln plans apply`: changes as many plans as the file names. */
export async function applyPlans(path: string, { json, ...options }: Options): Promise<void> {
  show(await edit(Object.entries(await readPlans(path)), options), json);
}

async function edit(
  changes: readonly [plan: string, changes: Record<string, unknown>][],
  options: AdminOptions,
): Promise<PlanView[]> {
  const graphql = createGraphqlClient(await findAdminService(options));
  const edited: PlanView[] = [];
  for (const [plan, terms] of changes) {
    const variables = { plan, changes: terms };
    edited.push((await mutate<{ plan: PlanView }>(graphql, 'editPlan', EDIT, variables)).plan);
  }
  return edited;
}

async function readPlans(path: string): Promise<z.output<typeof planFile>> {
  try {
    return planFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new CommandError(`${path} cannot be read as plans.`, {
      hint: 'It must be JSON such as {"basic": {"callsPerMinute": 120}}.',
      cause,
    });
  }
}

function show(plans: readonly PlanView[], json: boolean | undefined): void {
  if (json) printJson(plans);
  else process.stdout.write(`${renderTable(COLUMNS, plans.map(cellsOf))}\n`);
}

function cellsOf({ name, ...terms }: PlanView): string[] {
  return [name, ...Object.values(terms).map(shown)];
}

function shown(value: boolean | number | null): string {
  if (value === null) return 'unlimited';
  if (typeof value === 'number') return String(value);
  return value ? 'yes' : 'no';
}
