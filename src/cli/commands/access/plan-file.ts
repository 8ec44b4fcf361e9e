import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { PLAN_TERMS, type PlanTerms, parsePlanChanges } from '../../../domain/access/account-plan.ts';
import { KilnError } from '../../../domain/errors.ts';
import type { AdminOptions } from '../../service-client/find-service.ts';
import { CommandError } from '../../terminal/command-error.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { printTable } from '../../terminal/terminal.ts';
import { createPlansClient, type PlanView, shownTerm } from './plans.ts';

/** A file of terms by the plan's name. */
const planFile = z.record(z.string(), z.unknown());

/** A term whose value in the file differs from the service's. */
interface Change {
  plan: string;
  term: keyof PlanTerms;
  from: unknown;
  to: unknown;
}

/** `kiln plans export`: prints or writes all plans as `apply` takes them. */
export async function exportPlans({ output, ...options }: AdminOptions & { output?: string }): Promise<void> {
  const plans = await createPlansClient(options).list();
  const file = Object.fromEntries(plans.map(({ name, ...terms }) => [name, terms]));
  if (output === undefined) return printJson(file);
  await writeFile(output, `${JSON.stringify(file, null, 2)}\n`).catch((cause: unknown) => {
    throw new CommandError(`${output} cannot be written.`, { cause, isUsage: true });
  });
}

/** `kiln plans apply`: checks the whole file before it changes the first plan. */
export async function applyPlans(
  path: string,
  { json, dryRun = false, ...options }: AdminOptions & { json?: boolean; dryRun?: boolean },
): Promise<void> {
  const file = await readPlans(path);
  const client = createPlansClient(options);
  const changes = changesOf(path, file, await client.list());
  if (!dryRun) {
    for (const [plan, some] of Map.groupBy(changes, (change) => change.plan))
      await client.change(plan, Object.fromEntries(some.map(({ term, to }) => [term, to])));
  }
  if (json) printJson({ dryRun, changes });
  else show(changes, dryRun);
}

async function readPlans(path: string): Promise<z.output<typeof planFile>> {
  try {
    return planFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new CommandError(`${path} cannot be read as plans.`, {
      hint: 'It must be JSON such as {"basic": {"callsPerMinute": 120}}.',
      cause,
      isUsage: true,
    });
  }
}

function changesOf(path: string, file: z.output<typeof planFile>, plans: readonly PlanView[]): Change[] {
  const changes: Change[] = [];
  const problems: string[] = [];
  for (const [name, terms] of Object.entries(file)) {
    const plan = plans.find((known) => known.name === name);
    if (plan) changes.push(...compare(plan, termsOf(name, terms, problems)));
    else problems.push(`There is no plan "${name}".`);
  }
  if (problems.length === 0) return changes;
  throw new CommandError(`Nothing of ${path} was applied.`, { hint: problems.join(' '), isUsage: true });
}

/** Returns the terms of one plan; adds what is wrong with them to `problems`. */
function termsOf(
  plan: string,
  terms: unknown,
  problems: string[],
): Partial<Record<keyof PlanTerms, unknown>> {
  try {
    return parsePlanChanges(terms);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    problems.push(`${[plan, error.field].filter(Boolean).join('.')}: ${error.message}`);
    return {};
  }
}

function compare(plan: PlanView, terms: Partial<Record<keyof PlanTerms, unknown>>): Change[] {
  return PLAN_TERMS.filter((term) => terms[term] !== undefined && terms[term] !== plan[term]).map((term) => ({
    plan: plan.name,
    term,
    from: plan[term],
    to: terms[term],
  }));
}

function show(changes: readonly Change[], dryRun: boolean): void {
  const columns = ['plan', 'term', 'was', dryRun ? 'would be' : 'is'].map((title) => ({ title }));
  const rows = changes.map(({ plan, term, from, to }) => [plan, term, shownTerm(from), shownTerm(to)]);
  printTable(columns, rows, 'The plans already are as the file says.');
  if (rows.length === 0) return;
  const then = dryRun ? 'Nothing was changed yet.' : 'Every process uses the new terms within five seconds.';
  print(`\n${then}\n`);
}
