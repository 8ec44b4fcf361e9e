/**
 * How an endpoint has answered lately. Stored and replaced as a whole, if `version` is still the one read.
 */
export interface Circuit {
  /** Failed attempts in a row, of all deliveries together. */
  failures: number;
  /** When the first of them was; null when there is none. */
  failingSince: Date | null;
  /** When one delivery may try; null while the circuit is closed. */
  probeAt: Date | null;
  /** The id of the delivery that tries at present, or null. */
  probing: string | null;
  /** How long the circuit stayed open the last time, in milliseconds. */
  waitMs: number;
  version: number;
}

/** The state of a circuit, for people. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/**
 * Whether a delivery may be sent now. Write `claim` first, unless it is null; if somebody else wrote meanwhile,
 * it may not. `waitMs` says when to ask again.
 */
export type CircuitDecision = { allowed: true; claim: Circuit | null } | { allowed: false; waitMs: number };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Failed attempts in a row that open the circuit. */
export const OPENS_AFTER = 10;
const FIRST_WAIT_MS = MINUTE;
const LONGEST_WAIT_MS = 60 * MINUTE;
/**
 * After this another delivery may probe, since the sender of the last probe has died; no attempt takes as
 * long.
 */
const PROBE_LEASE_MS = MINUTE;
/** Failing for this long without a single success disables the endpoint. */
const GIVE_UP_MS = 5 * DAY;

/** Returns the circuit of an endpoint that is new or has answered well. */
export function closedCircuit(version = 0): Circuit {
  return { failures: 0, failingSince: null, probeAt: null, probing: null, waitMs: 0, version };
}

/** Allows every delivery while the circuit is closed; once an open one has waited, one delivery at a time. */
export function allowRequest(circuit: Circuit, deliveryId: string, now: Date): CircuitDecision {
  const { probeAt, probing } = circuit;
  // The probing delivery itself, whose first sender has died: no other may be sent meanwhile.
  if (!probeAt || probing === deliveryId) return { allowed: true, claim: null };
  const waitMs = probeAt.getTime() - now.getTime();
  if (waitMs > 0) return { allowed: false, waitMs };
  const leased = new Date(now.getTime() + PROBE_LEASE_MS);
  return { allowed: true, claim: next(circuit, { probing: deliveryId, probeAt: leased }) };
}

/** Closes the circuit, whichever delivery succeeded. */
export function afterSuccess(circuit: Circuit): Circuit {
  return closedCircuit(circuit.version + 1);
}

/**
 * Counts a failure. Ten in a row open the circuit for a minute; a failed probe for twice as long, up to an
 * hour.
 */
export function afterFailure(circuit: Circuit, deliveryId: string, now: Date): Circuit {
  const failures = circuit.failures + 1;
  const counted = { failures, failingSince: circuit.failingSince ?? now };
  const opens = circuit.probeAt === null && failures >= OPENS_AFTER;
  if (!opens && circuit.probing !== deliveryId) return next(circuit, counted);
  const waitMs = opens ? FIRST_WAIT_MS : Math.min(circuit.waitMs * 2, LONGEST_WAIT_MS);
  const probeAt = new Date(now.getTime() + waitMs);
  return next(circuit, { ...counted, waitMs, probeAt, probing: null });
}

/** Whether an endpoint has failed for five days and is to be disabled. */
export function isGivenUp({ failingSince }: Circuit, now: Date): boolean {
  return failingSince !== null && now.getTime() - failingSince.getTime() >= GIVE_UP_MS;
}

/** Returns the state for people: half-open is when one delivery tries, or may try. */
export function circuitState({ probeAt, probing }: Circuit, now: Date): CircuitState {
  if (!probeAt) return 'closed';
  return probing !== null || probeAt <= now ? 'half_open' : 'open';
}

/** Returns the circuit with the changes and the next version. */
function next(circuit: Circuit, changes: Partial<Circuit>): Circuit {
  return { ...circuit, ...changes, version: circuit.version + 1 };
}
