import { admit, afterFailure, afterSuccess, type Circuit, isGivenUp } from '../../domain/webhooks/circuit.ts';
import type { DisableReason, Endpoint } from '../../domain/webhooks/endpoint.ts';
import type { AttemptVerdict } from '../../domain/webhooks/webhook-profile.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import type { Announce } from './announce.ts';

export interface EndpointHealthPorts {
  endpoints: Pick<EndpointRepository, 'find' | 'exchangeCircuit' | 'disable' | 'listUntold' | 'noteTold'>;
  deliveries: Pick<DeliveryRepository, 'endAll'>;
  announce: Announce;
  forgetEndpoints(accountId: string): void;
  /** Lets what waits for the endpoint go on. */
  wakeHeld(endpointId: string): Promise<void>;
  now?: () => Date;
}

/** Somebody else's probe was a moment faster. */
const OUTRUN_MS = 1000;
const PAGE = 100;

/** The circuit of each endpoint, and what becomes of endpoints that fail for good. */
export function createEndpointHealth(ports: EndpointHealthPorts) {
  const { endpoints, deliveries, announce, forgetEndpoints, wakeHeld, now = () => new Date() } = ports;

  /** Decides on what is there, writes if that is still there, and decides again if it is not. */
  async function move(id: string, step: (circuit: Circuit) => Circuit): Promise<Endpoint | null> {
    for (;;) {
      const endpoint = await endpoints.find(id);
      if (!endpoint) return null;
      const circuit = step(endpoint.circuit);
      if (await endpoints.exchangeCircuit(id, endpoint.circuit.version, circuit))
        return { ...endpoint, circuit };
    }
  }

  async function noteSuccess({ _id, circuit }: Endpoint): Promise<void> {
    if (circuit.failures === 0 && !circuit.probeAt) return;
    await move(_id, afterSuccess);
    if (circuit.probeAt) await wakeHeld(_id);
  }

  async function noteFailure(id: string, deliveryId: string): Promise<void> {
    const endpoint = await move(id, (circuit) => afterFailure(circuit, deliveryId, now()));
    if (endpoint && isGivenUp(endpoint.circuit, now())) await disable(id, 'failing');
  }

  /** Nothing is sent to it any more, and its owner is told at the other endpoints. */
  async function disable(id: string, reason: DisableReason): Promise<void> {
    const stateSince = now();
    await endpoints.disable(id, { disabledFor: reason, stateSince });
    const endpoint = await endpoints.find(id);
    // Read again: a repeat whose first call died before the announcement still has to make it.
    if (endpoint?.state === 'disabled') await tell(endpoint);
  }

  async function tell(endpoint: Endpoint): Promise<void> {
    const { _id: id, accountId, url, disabledFor } = endpoint;
    forgetEndpoints(accountId);
    const since = endpoint.stateSince.toISOString();
    await announce({
      owner: `account:${accountId}`,
      type: 'endpoint.disabled',
      subjectId: id,
      cause: since,
      data: { endpointId: id, url, reason: disabledFor, since },
    });
    await deliveries.endAll(id, 'failed');
    await endpoints.noteTold(endpoint);
  }

  return {
    /** Whether a delivery may be sent now; while the circuit is open, one at a time takes its turn here. */
    async admit(
      { _id, circuit }: Endpoint,
      deliveryId: string,
    ): Promise<{ may: true } | { may: false; waitMs: number }> {
      const admission = admit(circuit, deliveryId, now());
      if (!admission.may || !admission.claim) return admission;
      const first = await endpoints.exchangeCircuit(_id, circuit.version, admission.claim);
      return first ? { may: true } : { may: false, waitMs: OUTRUN_MS };
    },

    /** What an attempt says of its receiver; one that answers "no more of this" is well. */
    async note(endpoint: Endpoint, deliveryId: string, verdict: AttemptVerdict): Promise<void> {
      if (verdict.outcome === 'delivered') return noteSuccess(endpoint);
      if (verdict.outcome === 'retry' || verdict.reason === 'exhausted')
        return noteFailure(endpoint._id, deliveryId);
      return verdict.reason === 'gone' ? disable(endpoint._id, 'gone') : noteSuccess(endpoint);
    },

    noteGone: (id: string): Promise<void> => disable(id, 'gone'),

    /**
     * Tells owners of endpoints that were disabled by a process that died before it could: nothing is sent to
     * such an endpoint any more, so nobody else would come back to it.
     * @returns how many there were.
     */
    async tellForgotten(): Promise<number> {
      const untold = await endpoints.listUntold(PAGE);
      for (const endpoint of untold)
        await (endpoint.state === 'disabled' ? tell(endpoint) : endpoints.noteTold(endpoint));
      return untold.length;
    },
  };
}

export type EndpointHealth = ReturnType<typeof createEndpointHealth>;
