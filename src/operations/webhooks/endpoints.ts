import { type Actor, requireScope, seesResults } from '../../domain/access/account.ts';
import { type AccountPlan, planRefusals, refuse } from '../../domain/access/account-plan.ts';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import { closedCircuit } from '../../domain/webhooks/circuit.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import {
  type Endpoint,
  requireDescription,
  requireShortUrl,
  rotated,
} from '../../domain/webhooks/endpoint.ts';
import { parseSubscriptions, TEST_EVENT } from '../../domain/webhooks/webhook-event.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointChanges, EndpointRepository } from '../../store/endpoints.ts';
import { type createAccounts, requireAccountId, requireManager } from '../access/accounts.ts';
import type { createEmit } from './emit.ts';

export interface EndpointsPorts extends Pick<ReturnType<typeof createEmit>, 'enqueue' | 'forgetEndpoints'> {
  endpoints: EndpointRepository;
  deliveries: Pick<DeliveryRepository, 'endAll' | 'get'>;
  findAccount: ReturnType<typeof createAccounts>['findAccount'];
  findPlan(id: string): Promise<AccountPlan>;
  /** @throws KilnError INVALID_INPUT or BLOCKED_ADDRESS for an address that Kiln never calls. */
  checkUrl(url: string): unknown;
  newSecret(): string;
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
  /** Wakes the deliveries that wait for the endpoint. */
  wakeHeld(endpointId: string): Promise<void>;
}

/** An endpoint to be made. */
export interface NewEndpoint {
  /** The caller's own account unless given. */
  accountId?: string | undefined;
  url: string;
  events: readonly string[];
  description: string;
}

/** What to change; what is undefined stays. */
export interface EndpointEdit {
  url?: string | undefined;
  events?: readonly string[] | undefined;
  description?: string | undefined;
}

/** An endpoint with its signing secret in plain text, which is never shown again. */
export interface ShownEndpoint {
  endpoint: Endpoint;
  secret: string;
}

/** Builds the requests about webhook endpoints, by their account or the operator. */
export function createEndpoints(ports: EndpointsPorts) {
  const { endpoints, deliveries, findAccount, forgetEndpoints } = ports;

  /**
   * Returns an endpoint of the actor's account; any, for an admin.
   * @throws KilnError NOT_FOUND, also for somebody else's.
   */
  async function requireEndpoint(actor: Actor, id: string): Promise<Endpoint> {
    const owner = actor.kind === 'admin' ? null : requireAccountId(actor, undefined);
    const endpoint = await endpoints.find(id);
    if (!endpoint || (owner !== null && endpoint.accountId !== owner))
      throw new KilnError('NOT_FOUND', 'There is no such endpoint.');
    return endpoint;
  }

  const requireManaged = (actor: Actor, id: string) => requireEndpoint(requireManager(actor), id);

  /** Returns the account's id. @throws KilnError unless its plan includes webhooks. */
  async function requireIncluded(actor: Actor, accountId: string | undefined): Promise<string> {
    const account = await findAccount(actor, accountId);
    const use = { callback: true, batch: false, size: undefined };
    const [refusal] = planRefusals(await ports.findPlan(account.plan), use, 0);
    if (refusal) throw refuse({ ...refusal, field: 'url' });
    return account._id;
  }

  function newSecretOf(id: string): { secret: string; sealed: string } {
    const secret = ports.newSecret();
    return { secret, sealed: ports.seal(secret, { collection: 'endpoints', id, field: 'secret' }) };
  }

  /** Changes an endpoint, so that the next event sees it. */
  async function change(endpoint: Endpoint, changes: EndpointChanges): Promise<Endpoint> {
    const changed = await endpoints.change(endpoint._id, changes);
    forgetEndpoints(endpoint.accountId);
    return changed;
  }

  /** @throws KilnError about the field `url` when the address is too long or never called. */
  function requireUrl(url: string): string {
    try {
      ports.checkUrl(requireShortUrl(url));
      return url;
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      throw error.about('url');
    }
  }

  return {
    /** @throws KilnError NOT_FOUND. */
    findEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      requireReader(actor);
      return requireEndpoint(actor, id);
    },

    /** Returns all endpoints of an account, oldest first; at most 20. */
    async listEndpoints(actor: Actor, accountId?: string): Promise<Endpoint[]> {
      requireReader(actor);
      return endpoints.list(requireAccountId(actor, accountId));
    },

    /** Makes an endpoint. @throws KilnError WRONG_STATE when the account has 20 already. */
    async createEndpoint(actor: Actor, request: NewEndpoint): Promise<ShownEndpoint> {
      const accountId = await requireIncluded(requireResultAccess(requireManager(actor)), request.accountId);
      const id = newId();
      const createdAt = new Date();
      const { secret, sealed } = newSecretOf(id);
      const endpoint: Endpoint = {
        _id: id,
        accountId,
        url: requireUrl(request.url),
        events: parseSubscriptions(request.events),
        description: requireDescription(request.description),
        state: 'enabled',
        disabledFor: null,
        stateSince: createdAt,
        secrets: [{ sealed, since: createdAt, until: null }],
        circuit: closedCircuit(),
        createdAt,
        updatedAt: createdAt,
      };
      await endpoints.insert(endpoint);
      forgetEndpoints(accountId);
      return { endpoint, secret };
    },

    /** Changes an endpoint; deliveries that wait already go to the new address as well. */
    async updateEndpoint(actor: Actor, id: string, edit: EndpointEdit): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      if (edit.url !== undefined || edit.events !== undefined) requireResultAccess(actor);
      return change(endpoint, {
        ...(edit.url !== undefined && { url: requireUrl(edit.url) }),
        ...(edit.events !== undefined && { events: parseSubscriptions(edit.events) }),
        ...(edit.description !== undefined && { description: requireDescription(edit.description) }),
      });
    },

    /** Deletes an endpoint and discards the deliveries that wait for it. */
    async deleteEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      await endpoints.remove(id);
      forgetEndpoints(endpoint.accountId);
      await ports.wakeHeld(id);
      await deliveries.endAll(id, 'discarded');
      return endpoint;
    },

    /**
     * Makes a new secret; the present one signs as well for 24 hours.
     * @throws KilnError WRONG_STATE when somebody else rotated it at the same time.
     */
    async rotateSecret(actor: Actor, id: string): Promise<ShownEndpoint> {
      const { secrets } = await requireManaged(actor, id);
      const { secret, sealed } = newSecretOf(id);
      const endpoint = await endpoints.exchangeSecrets(id, secrets, rotated(secrets, sealed, new Date()));
      if (endpoint) return { endpoint, secret };
      throw new KilnError('WRONG_STATE', 'The secret was rotated by somebody else at this moment.');
    },

    /**
     * Pauses an endpoint: new deliveries wait. Returns a paused one as it is.
     * @throws KilnError WRONG_STATE when it is disabled.
     */
    async pauseEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      if (endpoint.state === 'paused') return endpoint;
      if (endpoint.state === 'disabled')
        throw new KilnError('WRONG_STATE', 'The endpoint is disabled: nothing is sent to it.', {
          hint: 'Resume it first.',
        });
      return change(endpoint, { state: 'paused', stateSince: new Date() });
    },

    /** Enables an endpoint that was paused or disabled, closes its circuit and wakes what waits for it. */
    async resumeEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      await requireIncluded(actor, endpoint.accountId);
      const resumed = await change(endpoint, {
        state: 'enabled',
        disabledFor: null,
        ...(endpoint.state !== 'enabled' && { stateSince: new Date() }),
        circuit: closedCircuit(endpoint.circuit.version + 1),
      });
      await ports.wakeHeld(id);
      return resumed;
    },

    /**
     * Sends the event `endpoint.test` to this endpoint alone, whatever it subscribed to.
     * @throws KilnError WRONG_STATE unless it is enabled.
     */
    async testEndpoint(actor: Actor, id: string): Promise<Delivery> {
      const endpoint = await requireManaged(actor, id);
      await requireIncluded(actor, endpoint.accountId);
      if (endpoint.state !== 'enabled')
        throw new KilnError('WRONG_STATE', `The endpoint is ${endpoint.state}.`, {
          hint: 'Resume it first.',
        });
      const { accountId, description } = endpoint;
      const delivery = await ports.enqueue(endpoint, {
        owner: ownerKey({ accountId }),
        type: TEST_EVENT,
        subjectId: id,
        cause: newId(),
        data: { endpointId: id, description },
      });
      if (delivery) return delivery;
      throw new KilnError('INTERNAL', 'The test has an id that was used before.');
    },
  };
}

/** @throws KilnError unless the actor may see what belongs to an account. */
export function requireReader(actor: Actor): void {
  if (actor.kind !== 'admin') requireScope(actor, 'read', 'manage');
}

/** Returns the actor. @throws KilnError FORBIDDEN unless they may see results, which events link to. */
function requireResultAccess(actor: Actor): Actor {
  if (seesResults(actor)) return actor;
  throw new KilnError('FORBIDDEN', 'An endpoint is shown your results, which this credential is not.', {
    hint: 'Use a key that has the scope READ or CONVERT as well.',
  });
}
