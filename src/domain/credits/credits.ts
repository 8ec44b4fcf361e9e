import { ledgerEntryId } from '../derived-ids.ts';
import { KilnError } from '../errors.ts';
import type { Job } from '../jobs/job.ts';

/** Media credits of an account: what may be spent, and what running jobs have set aside. */
export interface Balance {
  available: number;
  held: number;
}

/** What became of the credits that one run of a job has set aside. Only `held` ever moves. */
export interface Hold {
  amount: number;
  state: 'held' | 'captured' | 'released';
  at: Date;
}

/** The runs of one job, by name. */
export type Runs = Readonly<Record<string, Hold>>;

export type EntryKind = 'grant' | 'monthly' | 'hold' | 'capture' | 'release';

/**
 * One movement of credits, both sides of it, as it stands on the account until the ledger has it.
 * NOTE: flat and short, because every update of the account writes all of them again.
 */
export interface PendingEntry extends Balance {
  /** `<subject>:<kind>:<run>`: whoever writes it again writes the same. */
  _id: string;
  at: Date;
}

/** A movement in the ledger, numbered within its account, with the balance after it. */
export interface LedgerEntry {
  _id: string;
  accountId: string;
  /** From 1, without gaps. */
  seq: number;
  kind: EntryKind;
  /** The job that was charged, or the account that was given something. */
  subject: string;
  run: string;
  change: Balance;
  balance: Balance;
  at: Date;
}

/** What an account document holds of credits. It is the authority; the ledger follows. */
export interface Credits extends Balance {
  /** The number of the last entry. */
  entrySeq: number;
  /** Jobs and their runs; a settled one stays a while, so that a late repeat finds it. */
  holds: Record<string, Runs>;
  /** What was given lately, by run, for the same reason. */
  grants: Record<string, { amount: number; at: Date }>;
  /** In the order in which they happened. */
  pendingEntries: PendingEntry[];
}

/** A job is charged by one run only; a repaired workflow goes on with the same. */
export const CHARGE_RUN = '1';
/** No attempt of anything lives as long as this, so nobody asks for what was settled before. */
export const SETTLED_MS = 3_600_000;
const MAX_AMOUNT = 1_000_000_000;

/** Names one run of one job. */
export interface Charge {
  jobId: string;
  run: string;
}

/** What is to be written for a request: nothing when it has been done before. */
export type Decision = 'done' | { hold: Hold; entries: PendingEntry[] };

/** Sets credits aside. @throws KilnError WRONG_STATE once the run is settled. */
export function decideHold(runs: Runs, charge: Charge & { amount: number }, at: Date): Decision {
  const amount = requireAmount(charge.amount);
  const known = runs[charge.run];
  if (known?.state === 'held' && known.amount === amount) return 'done';
  if (known) throw wrongState(`The credits of this run are ${known.state} already.`);
  // A second capture of one job can never come about when a second hold cannot.
  if (Object.values(runs).some(({ state }) => state !== 'released'))
    throw wrongState('Another run of this job has been charged.');
  const entry = entryOf('hold', charge, { available: -amount, held: amount }, at);
  return { hold: { amount, state: 'held', at }, entries: [entry] };
}

/** Spends what was used of a hold and gives back the rest, at once. */
export function decideCapture(runs: Runs, charge: Charge & { used: number }, at: Date): Decision {
  const known = runs[charge.run];
  if (known?.state === 'captured') return 'done';
  if (known?.state !== 'held') throw wrongState(`The credits of this run are ${known?.state ?? 'not held'}.`);
  const { amount } = known;
  const used = requireAmount(charge.used);
  if (used > amount) throw wrongState(`Only ${amount} credits are held, not ${used}.`);
  const entries = [entryOf('capture', charge, { available: 0, held: -used }, at)];
  if (used < amount) entries.push(releaseOf(charge, amount - used, at));
  return { hold: { amount, state: 'captured', at }, entries };
}

/** Gives back all of a hold. Without a hold it leaves a mark, so that a late one is refused. */
export function decideRelease(runs: Runs, charge: Charge, at: Date): Decision {
  const known = runs[charge.run];
  if (known?.state === 'released') return 'done';
  if (known?.state === 'captured') throw wrongState('The credits of this run are captured already.');
  const amount = known?.amount ?? 0;
  const entries = amount > 0 ? [releaseOf(charge, amount, at)] : [];
  return { hold: { amount, state: 'released', at }, entries };
}

/** Credits that were given. */
export function grantEntry(
  kind: 'grant' | 'monthly',
  { accountId, run, amount }: { accountId: string; run: string; amount: number },
  at: Date,
): PendingEntry {
  return entryOf(kind, { jobId: accountId, run }, { available: requireAmount(amount), held: 0 }, at);
}

/** What an ended job has used; 0 gives everything back. The job's own state decides, whoever asks. */
export function creditsSpent({ status, spent = 0 }: Pick<Job, 'status' | 'spent'>): number {
  return status === 'ready' ? spent : 0;
}

/** The account that pays for what an owner does; a guest has none. */
export function chargedAccount(owner: string): string | null {
  return owner.startsWith('account:') ? owner.slice('account:'.length) : null;
}

/** Both sides of several changes together. */
export function totalOf(entries: readonly Balance[]): Balance {
  return entries.reduce<Balance>(plus, { available: 0, held: 0 });
}

export function plus(left: Balance, right: Balance): Balance {
  return { available: left.available + right.available, held: left.held + right.held };
}

export function minus(left: Balance, right: Balance): Balance {
  return { available: left.available - right.available, held: left.held - right.held };
}

/** @throws KilnError INVALID_INPUT unless it is a whole number of credits that can be moved. */
export function requireAmount(amount: number): number {
  if (Number.isInteger(amount) && amount >= 1 && amount <= MAX_AMOUNT) return amount;
  throw new KilnError('INVALID_INPUT', `Credits move in whole numbers from 1 to ${MAX_AMOUNT}.`, {
    field: 'amount',
  });
}

function releaseOf(charge: Charge, amount: number, at: Date): PendingEntry {
  return entryOf('release', charge, { available: amount, held: -amount }, at);
}

function entryOf(kind: EntryKind, { jobId, run }: Charge, change: Balance, at: Date): PendingEntry {
  return { _id: ledgerEntryId(jobId, kind, run), ...change, at };
}

function wrongState(message: string): KilnError {
  return new KilnError('WRONG_STATE', message);
}
