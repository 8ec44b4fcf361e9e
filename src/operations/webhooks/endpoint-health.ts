import { ownerKey } from '../../domain/jobs/job.ts';
import {
  afterFailure,
  afterSuccess,
  allowRequest,
  type Circuit,
  isGivenUp,
} from '../../domain/webhooks/circuit.ts';
import type { DisableReason, Endpoint } from '../../domain/webhooks/endpoint.ts';
import type { AttemptVerdict } from '../../domain/webhooks/webhook-profile.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import type { Emit } from './emit.ts';

export interface EndpointHealthPorts {
  endpoints: Pick<
    EndpointRepository,
    'find' | 'exchangeCircuit' | 'disable' | 'listUnemitted' | 'noteEmitted'
  >;
  deliveries: Pick<DeliveryRepository, 'endAll'>;
  emit: Emit;
  forgetEndpoints(accountId: string): void;
  /** Wakes the deliveries that wait for the endpoint. */
  wakeHeld(endpointId: string): Promise<void>;
  now?: () => Date;
}

/** The wait of a delivery when another one became the probe a moment earlier. */
const LOST_PROBE_MS = 1000;
const PAGE = 100;

/** Keeps the circuit of each endpoint, and disables endpoints that fail for good. */
export function createEndpointHealth(ports: EndpointHealthPorts) {
  const { endpoints, deliveries, emit, forgetEndpoints, wakeHeld, now = () => new Date() } = ports;

  /**
   * Replaces the circuit by `step` of it; does so again whenever another process was faster. Returns the
   * endpoint with its new circuit, or null if it was deleted.
   */
  async function move(id: string, step: (circuit: Circuit) => Circuit): Promise<Endpoint | null> {
    for (;;) {
      const endpoint = await endpoints.find(id);
      if (!endpoint) return null;
      const circuit = step(endpoint.circuit);
      if (await endpoints.exchangeCircuit(id, endpoint.circuit.version, circuit))
        return { ...endpoint, circuit };
    }
  }

  /** Closes the circuit and wakes what waited for that; writes nothing if the endpoint was well before. */
  async function handleSucceeded({ _id, circuit }: Endpoint): Promise<void> {
    if (circuit.failures === 0 && !circuit.probeAt) return;
    await move(_id, afterSuccess);
    if (circuit.probeAt) await wakeHeld(_id);
  }

  /** Counts the failed attempt; disables the endpoint once it has failed for five days. */
  async function handleFailed(id: string, deliveryId: string): Promise<void> {
    const endpoint = await move(id, (circuit) => afterFailure(circuit, deliveryId, now()));
    if (endpoint && isGivenUp(endpoint.circuit, now())) await disable(id, 'failing');
  }

  /** Disables an enabled endpoint and emits that to its owner's other endpoints. */
  async function disable(id: string, reason: DisableReason): Promise<void> {
    const stateSince = now();
    await endpoints.disable(id, { disabledFor: reason, stateSince });
    const endpoint = await endpoints.find(id);
    // Read again: a repeat whose first call died before the event was emitted still has to emit it.
    if (endpoint?.state === 'disabled') await emitDisabled(endpoint);
  }

  /** Emits `endpoint.disabled`, fails what waits for the endpoint, then unmarks it as `untold`. */
  async function emitDisabled(endpoint: Endpoint): Promise<void> {
    const { _id: id, accountId, url, disabledFor } = endpoint;
    forgetEndpoints(accountId);
    const since = endpoint.stateSince.toISOString();
    await emit({
      owner: ownerKey({ accountId }),
      type: 'endpoint.disabled',
      subjectId: id,
      cause: since,
      data: { endpointId: id, url, reason: disabledFor, since },
    });
    await deliveries.endAll(id, 'failed');
    await endpoints.noteEmitted(endpoint);
  }

  return {
    /**
     * Decides whether a delivery may be sent now; if not, `waitMs` says when to ask again. While the circuit
     * is open, one delivery at a time becomes the probe here.
     */
    async allowRequest(
      { _id, circuit }: Endpoint,
      deliveryId: string,
    ): Promise<{ allowed: true } | { allowed: false; waitMs: number }> {
      const decision = allowRequest(circuit, deliveryId, now());
      if (!decision.allowed || !decision.claim) return decision;
      const isFirst = await endpoints.exchangeCircuit(_id, circuit.version, decision.claim);
      return isFirst ? { allowed: true } : { allowed: false, waitMs: LOST_PROBE_MS };
    },

    /** Moves the circuit by what an attempt came to. An endpoint that answers "no more of this" is well. */
    async handleVerdict(endpoint: Endpoint, deliveryId: string, verdict: AttemptVerdict): Promise<void> {
      if (verdict.outcome === 'delivered') return handleSucceeded(endpoint);
      if (verdict.outcome === 'retry' || verdict.reason === 'exhausted')
        return handleFailed(endpoint._id, deliveryId);
      return verdict.reason === 'gone' ? disable(endpoint._id, 'gone') : handleSucceeded(endpoint);
    },

    /** Disables an endpoint that answered 410. */
    handleGone: (id: string): Promise<void> => disable(id, 'gone'),

    /**
     * Emits `endpoint.disabled` for endpoints whose process died before it could: nothing is sent to such an
     * endpoint any more, so nobody else would come back to it. Returns how many there were.
     */
    async emitForgotten(): Promise<number> {
      const unemitted = await endpoints.listUnemitted(PAGE);
      for (const endpoint of unemitted)
        await (endpoint.state === 'disabled' ? emitDisabled(endpoint) : endpoints.noteEmitted(endpoint));
      return unemitted.length;
    },
  };
}

export type EndpointHealth = ReturnType<typeof createEndpointHealth>;
