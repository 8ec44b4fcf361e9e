/** How an endpoint has been answering lately. All of it is exchanged at once, under `version`. */
export interface Circuit {
  /** Failed attempts since the last success, whichever delivery made them. */
  failures: number;
  failingSince: Date | null;
  /** Null while the circuit is closed; otherwise when one delivery may try. */
  probeAt: Date | null;
  /** The delivery that tries at present. */
  probing: string | null;
  /** How long the circuit has been open the last time, in milliseconds. */
  waitMs: number;
  version: number;
}

/** What people call the state of a circuit. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** Whether a delivery may be sent now; `claim` is to be written before it is. */
export type CircuitAdmission = { may: true; claim: Circuit | null } | { may: false; waitMs: number };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** So many failed attempts in a row open the circuit. */
export const OPENS_AFTER = 10;
const FIRST_WAIT_MS = MINUTE;
const LONGEST_WAIT_MS = 60 * MINUTE;
/** A probe whose sender has died gives its turn back after this; no attempt takes as long. */
const PROBE_LEASE_MS = MINUTE;
/** Failing for this long without a single success ends all attempts. */
const GIVE_UP_MS = 5 * DAY;

/** How an endpoint begins, and how it is once it has answered well. */
export function closedCircuit(version = 0): Circuit {
  return { failures: 0, failingSince: null, probeAt: null, probing: null, waitMs: 0, version };
}

/** While the circuit is open one delivery at a time may find out whether the endpoint is well again. */
export function admit(circuit: Circuit, deliveryId: string, now: Date): CircuitAdmission {
  const { probeAt, probing } = circuit;
  // The probe itself, whose first sender has died: nobody else may be sent meanwhile.
  if (!probeAt || probing === deliveryId) return { may: true, claim: null };
  const waitMs = probeAt.getTime() - now.getTime();
  if (waitMs > 0) return { may: false, waitMs };
  const leased = new Date(now.getTime() + PROBE_LEASE_MS);
  return { may: true, claim: next(circuit, { probing: deliveryId, probeAt: leased }) };
}

/** A success closes the circuit, whoever had it. */
export function afterSuccess(circuit: Circuit): Circuit {
  return closedCircuit(circuit.version + 1);
}

/** Failures in a row open it; a failed probe leaves it open for twice as long, up to an hour. */
export function afterFailure(circuit: Circuit, deliveryId: string, now: Date): Circuit {
  const failures = circuit.failures + 1;
  const counted = { failures, failingSince: circuit.failingSince ?? now };
  const opens = circuit.probeAt === null && failures >= OPENS_AFTER;
  if (!opens && circuit.probing !== deliveryId) return next(circuit, counted);
  const waitMs = opens ? FIRST_WAIT_MS : Math.min(circuit.waitMs * 2, LONGEST_WAIT_MS);
  const probeAt = new Date(now.getTime() + waitMs);
  return next(circuit, { ...counted, waitMs, probeAt, probing: null });
}

/** Whether an endpoint has failed for so long that it is not called any more. */
export function isGivenUp({ failingSince }: Circuit, now: Date): boolean {
  return failingSince !== null && now.getTime() - failingSince.getTime() >= GIVE_UP_MS;
}

/** For people: half-open is when one delivery tries, or may try. */
export function circuitState({ probeAt, probing }: Circuit, now: Date): CircuitState {
  if (!probeAt) return 'closed';
  return probing !== null || probeAt <= now ? 'half_open' : 'open';
}

function next(circuit: Circuit, changes: Partial<Circuit>): Circuit {
  return { ...circuit, ...changes, version: circuit.version + 1 };
}
