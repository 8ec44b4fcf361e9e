import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { isTerminal, type JobStatus } from '../../../src/domain/jobs/job.ts';
import { type SeededRandom, seededRandom } from '../seeded-random.ts';
import { noise, picture } from '../service/client.ts';
import { APIS, type Customer, createCustomer, insist } from './customer.ts';
import { isDone } from './http-call.ts';
import type { MessageLog } from './message-log.ts';
import {
  badWorkflows,
  crookedTimelines,
  differences,
  leakedPlaces,
  orphanBlobs,
  untilNothing,
  withDatabase,
} from './settled.ts';
import type { MortalKiln, Victim } from './whole-kiln.ts';

const JOBS = 24;
/** Time in which all uploads are declared complete. */
const COMPLETE_MS = 2000;
/** The kill comes at a random moment between the first declaration and a little after the last. */
const KILL_MS = 2600;
/** Clients without an answer may give up and ask again so long after the service is back. */
const LATE_MS = 15_000;
/** Time after a start within which every job must end. */
export const PROMISED_MS = 45_000;
/** Time after which a job counts as stuck; long enough for a busy machine. */
const TIMEOUT_MS = 120_000;
/** Time for workflows to end: a task lost with its worker is retried after ten seconds, and lists lag behind. */
const WORKFLOWS_MS = 60_000;
const WIDTHS = { small: 90, large: 500 } as const;

export interface KillRoundResult {
  seed: number;
  victim: Victim;
  /** Milliseconds after the first complete. */
  killedAtMs: number;
  /** How many callers had the answer, before the kill, that their upload is complete. */
  acknowledged: number;
  startMs: number;
  /** From the start to the end of the last job; null when some did not end. */
  settledMs: number | null;
  /** Jobs that were not at their end within the promised time. */
  late: string[];
  /** Jobs that never ended, with their state. */
  stuck: string[];
  /** Jobs that did not become ready, or without a usable result. */
  spoilt: string[];
  leaked: string[];
  /** Workflows that failed, were timed out, or still run for an ended job. */
  workflows: string[];
  timelines: string[];
  money: string[];
  /** Blobs without a record, as a killed process leaves them; the sweep removes them later. */
  orphans: number;
  leftovers: string[];
  /** Jobs whose callback must arrive sooner or later. */
  toReport: string[];
}

/** Uploads 24 files, kills a process at a random moment while they are declared complete, and starts it again. */
export async function killRound(
  kiln: MortalKiln,
  messages: MessageLog,
  seed: number,
  victim?: Victim,
): Promise<KillRoundResult> {
  const random = seededRandom(seed);
  const struck = victim ?? random.pick(kiln.victims);
  const killedAtMs = random.below(KILL_MS);
  const customers = await prepareAll(kiln, messages, seed, random);
  const moments = customers.map(() => random.below(COMPLETE_MS));
  const gaveUp = customers.map(() => random.chance(1 / 3));

  let acknowledged = 0;
  const completes = customers.map(async (customer, i) => {
    await sleep(moments[i]);
    const answer = await customer.complete();
    if (isDone(answer)) acknowledged += 1;
    return isDone(answer);
  });
  await sleep(killedAtMs);
  const acknowledgedBefore = acknowledged;
  kiln.kill(struck);
  const heard = await Promise.all(completes);

  const restarting = Date.now();
  const leftovers = await kiln.restart();
  const began = Date.now();
  const again = customers.map(async (customer, i) => {
    if (heard[i]) return;
    if (gaveUp[i]) await sleep(LATE_MS);
    await insist(() => customer.complete(), began + TIMEOUT_MS);
  });
  const { late, statuses, settledMs } = await waitForEnds(customers, began);
  await Promise.allSettled(again);
  const jobIds = customers.map(({ jobId }) => jobId);
  return {
    seed,
    victim: struck,
    killedAtMs,
    acknowledged: acknowledgedBefore,
    startMs: began - restarting,
    settledMs,
    late,
    leftovers,
    toReport: customers.filter(({ wantsCallback }) => wantsCallback).map(({ jobId }) => jobId),
    stuck: jobIds.filter((id) => !isEnd(statuses.get(id))).map((id) => `${id} ${statuses.get(id)}`),
    spoilt: await spoilt(customers, statuses),
    ...(await withDatabase(kiln, async (db) => ({
      leaked: await untilNothing(() => leakedPlaces(db), PROMISED_MS),
      timelines: await crookedTimelines(db),
      money: await differences(db),
      orphans: (await orphanBlobs(db, kiln.dataDir)).length,
    }))),
    workflows: await untilNothing(() => badWorkflows(kiln, new Set(jobIds)), WORKFLOWS_MS),
  };
}

/** Creates the jobs and uploads the bytes, without declaring them complete. */
async function prepareAll(kiln: MortalKiln, messages: MessageLog, seed: number, random: SeededRandom) {
  const small = Uint8Array.from(await picture(WIDTHS.small, 60));
  const large = Uint8Array.from(await noise(WIDTHS.large, 400));
  const customers = Array.from({ length: JOBS }, (_, i) =>
    createCustomer(kiln, {
      api: random.pick(APIS),
      name: `${seed}-${i}`,
      bytes: random.chance(0.7) ? small : large,
      ...(random.chance(0.5) && { callbackUrl: messages.url }),
    }),
  );
  for (const customer of customers) {
    await insist(() => customer.create(), Date.now() + TIMEOUT_MS);
    await insist(() => customer.put(), Date.now() + TIMEOUT_MS);
  }
  return customers;
}

/** Asks for each job as its customer does, until all have ended or the time is up. */
async function waitForEnds(customers: readonly Customer[], began: number) {
  const statuses = new Map<string, string>();
  let late: string[] = [];
  for (let open = [...customers]; ; ) {
    for (const customer of open) {
      const { body } = await customer.status();
      if (body?.data?.job) statuses.set(customer.jobId, body.data.job.status.toLowerCase());
    }
    open = open.filter(({ jobId }) => !isEnd(statuses.get(jobId)));
    const elapsed = Date.now() - began;
    if (elapsed < PROMISED_MS) late = open.map(({ jobId }) => `${jobId} ${statuses.get(jobId)}`);
    if (open.length === 0) return { late: elapsed < PROMISED_MS ? [] : late, statuses, settledMs: elapsed };
    if (elapsed > TIMEOUT_MS) return { late, statuses, settledMs: null };
    await sleep(500);
  }
}

async function spoilt(customers: readonly Customer[], statuses: ReadonlyMap<string, string>) {
  const found: string[] = [];
  for (const customer of customers) {
    const status = statuses.get(customer.jobId);
    if (!isEnd(status)) continue;
    const violation = status === 'ready' ? await violationOfResult(customer) : `is ${status}`;
    if (violation) found.push(`${customer.jobId} ${violation}`);
  }
  return found;
}

async function violationOfResult(customer: Customer): Promise<string | null> {
  const { job } = (await customer.status()).body.data;
  if (job.outputs.length !== 1) return `has ${job.outputs.length} outputs`;
  const [{ downloadUrl, width }] = job.outputs;
  const response = await fetch(downloadUrl);
  const bytes = Buffer.from(await response.arrayBuffer());
  const metadata = await sharp(bytes)
    .metadata()
    .catch(() => null);
  const isRight = metadata?.format === 'webp' && metadata.width === width;
  return isRight ? null : `has a result of ${bytes.length} bytes that cannot be read (${response.status})`;
}

function isEnd(status: string | undefined): boolean {
  return status !== undefined && isTerminal(status as JobStatus);
}

/** Returns all violations of a round; none is good. */
export function violationsOf(result: KillRoundResult): string[] {
  const { stuck, spoilt: bad, leaked, workflows, timelines, money, leftovers } = result;
  return [
    ...stuck.map((one) => `stuck: ${one}`),
    ...bad.map((one) => `spoilt: ${one}`),
    ...leaked.map((one) => `leaked place: ${one}`),
    ...workflows.map((one) => `workflow: ${one}`),
    ...timelines.map((one) => `timeline: ${one}`),
    ...money.map((one) => `money: ${one}`),
    ...leftovers.map((one) => `left running: ${one}`),
  ];
}
