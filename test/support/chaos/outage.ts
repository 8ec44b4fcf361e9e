import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../src/domain/jobs/job.ts';
import { seededRandom } from '../seeded-random.ts';
import { noise, picture } from '../service/client.ts';
import { APIS, createCustomer, insist } from './customer.ts';
import { type Answer, isAway, isDone, isProper } from './http-call.ts';
import type { KilnApart } from './kiln-apart.ts';
import type { MessageLog } from './message-log.ts';
import {
  badWorkflows,
  crookedTimelines,
  differences,
  leakedPlaces,
  untilNothing,
  withDatabase,
} from './settled.ts';

/** What goes away under load, how, and for how long. */
interface Outage {
  name: string;
  engine: 'temporal' | 'mongodb';
  how: 'stop' | 'kill';
  awayMs: number;
}

export const OUTAGES: readonly Outage[] = [
  { name: 'temporal-stopped', engine: 'temporal', how: 'stop', awayMs: 60_000 },
  // A supervisor starts it again at once.
  { name: 'temporal-killed', engine: 'temporal', how: 'kill', awayMs: 2000 },
  { name: 'mongodb-stopped', engine: 'mongodb', how: 'stop', awayMs: 30_000 },
];

interface OutageOptions {
  seed: number;
  /** New customers per second. */
  rate: number;
  /** Load before the outage and after it. */
  aroundMs: number;
}

export interface OutageResult {
  seed: number;
  outage: string;
  customers: number;
  /** How many answers said "ask again". */
  refusals: number;
  slowestAnswerMs: number;
  /** Milliseconds from the engine's return to the first success that needs it. */
  backMs: number;
  /** Milliseconds from the engine's return to the end of the last job. */
  drainedMs: number;
  /** All violations; none is good. */
  violations: string[];
}

/** Time for the backlog of an outage, on a slow machine too. */
const DRAIN_MS = 420_000;
const PLACES_MS = 60_000;
/** Time for workflows to end: a task lost with its worker is retried after ten seconds, and lists lag behind. */
const WORKFLOWS_MS = 60_000;
const REPORTED_MS = 120_000;

/** Takes an engine away under load, brings it back, and checks that nobody has lost anything. */
export async function outageUnderLoad(
  kiln: KilnApart,
  messages: MessageLog,
  { name, engine, how, awayMs }: Outage,
  { seed, rate, aroundMs }: OutageOptions,
): Promise<OutageResult> {
  const random = seededRandom(seed);
  const pictures = [await picture(90, 60), await noise(400, 300)].map((bytes) => Uint8Array.from(bytes));
  const answers: Answer[] = [];
  const log: { at: number; answer: Answer }[] = [];
  const served = {
    url: kiln.url,
    apiKey: kiln.apiKey,
    onAnswer: (answer: Answer) => void log.push({ at: Date.now(), answer }),
  };
  const deadline = Date.now() + 2 * aroundMs + awayMs + DRAIN_MS;
  const orders: Promise<Served>[] = [];
  let open = true;
  const arriving = (async () => {
    while (open) {
      const customer = createCustomer(served, {
        api: random.pick(APIS),
        name: `${name}-${seed}-${orders.length}`,
        bytes: random.pick(pictures),
        ...(random.chance(0.5) && { callbackUrl: messages.url }),
      });
      orders.push(serve(customer, deadline));
      await sleep((1000 / rate) * (0.5 + random.next()));
    }
  })();

  await sleep(aroundMs + random.below(1000));
  await kiln.engines[engine][how]();
  const away = Date.now();
  await sleep(awayMs);
  await kiln.engines[engine].start();
  const back = Date.now();
  await sleep(aroundMs);
  open = false;
  await arriving;
  const all = await Promise.all(orders);
  const drainedMs = Date.now() - back;
  answers.push(...log.map(({ answer }) => answer));
  const jobIds = all.map(({ jobId }) => jobId);
  return {
    seed,
    outage: name,
    customers: all.length,
    drainedMs,
    refusals: answers.filter((answer) => isAway(answer)).length,
    slowestAnswerMs: Math.max(...answers.map(({ ms }) => ms)),
    backMs:
      (log.find(({ at, answer }) => at > back && isDone(answer))?.at ?? Number.POSITIVE_INFINITY) - back,
    violations: [
      ...all.flatMap(({ violation }) => violation ?? []),
      ...improper(log, away),
      ...kiln.fallen.splice(0).map((words) => `ended by itself: ${words}`),
      ...(await lastingViolations(kiln, `${name}-${seed}-`, jobIds)),
      ...(await untilNothing(
        async () => messages.violations(all.filter(({ reported }) => reported).map(({ jobId }) => jobId)),
        REPORTED_MS,
      )),
    ],
  };
}

interface Served {
  jobId: string;
  reported: boolean;
  violation: string | null;
}

/** Serves one customer from the request to the result. */
async function serve(customer: ReturnType<typeof createCustomer>, deadline: number): Promise<Served> {
  const outcome = async (): Promise<string | null> => {
    await insist(customer.create, deadline);
    await insist(customer.put, deadline);
    await insist(customer.complete, deadline);
    for (;;) {
      const { body } = await insist(customer.status, deadline);
      const status: string = body.data.job?.status ?? 'LOST';
      if (status === 'READY') return null;
      if (status === 'FAILED' || status === 'EXPIRED' || status === 'CANCELLED' || status === 'LOST')
        return `${customer.jobId} is ${status}`;
      if (Date.now() > deadline) return `${customer.jobId} is still ${status}`;
      await sleep(1000);
    }
  };
  const violation = await outcome().catch(
    (error: Error) => `${customer.name} ${customer.jobId}: ${error.message}`,
  );
  return { jobId: customer.jobId, reported: customer.wantsCallback && violation === null, violation };
}

/** Returns each kind of improper answer, with its number and one example. */
function improper(log: readonly { at: number; answer: Answer }[], since: number): string[] {
  const bad = log.filter(({ answer }) => !isProper(answer));
  const kinds = Map.groupBy(
    bad,
    ({ answer: { step, status, code, said } }) => `${step} ${status ?? said} ${code}`,
  );
  return [...kinds].map(([kind, all]) => {
    const [first] = all;
    const at = ((first?.at ?? 0) - since) / 1000;
    return `${all.length} × ${kind}, the first ${at.toFixed(1)} s into the outage: ${JSON.stringify(first?.answer)}`;
  });
}

/** Returns what is wrong in the records of these jobs once everything has had time to end. */
async function lastingViolations(
  kiln: KilnApart,
  prefix: string,
  jobIds: readonly string[],
): Promise<string[]> {
  const violations = await withDatabase(kiln, async (db) => {
    const own = { 'inputs.filename': { $regex: `^${prefix}` } };
    const names = await db.collection<Job>('jobs').find(own).toArray();
    const known = new Set(jobIds);
    return [
      // A second job for one request: nobody knows it, and it waits for a file that never comes.
      ...names
        .filter(({ _id }) => !known.has(_id))
        .map(({ _id, status, inputs }) => `ordered twice: ${inputs[0]?.filename} ${_id} ${status}`),
      ...(await untilNothing(() => leakedPlaces(db), PLACES_MS)).map((one) => `leaked place: ${one}`),
      ...(await crookedTimelines(db)).map((one) => `timeline: ${one}`),
      ...(await differences(db)).map((one) => `money: ${one}`),
    ];
  });
  const workflows = await untilNothing(() => badWorkflows(kiln, new Set(jobIds)), WORKFLOWS_MS);
  return [...violations, ...workflows.map((one) => `workflow: ${one}`)];
}
