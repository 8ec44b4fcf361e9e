import { type Actor, requireScope, seesResults } from '../../domain/access/account.ts';
import { type AccountPlan, planRefusals, refuse } from '../../domain/access/account-plan.ts';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
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
import type { createAnnounce } from './announce.ts';

export interface EndpointsPorts
  extends Pick<ReturnType<typeof createAnnounce>, 'sendTo' | 'forgetEndpoints'> {
  endpoints: EndpointRepository;
  deliveries: Pick<DeliveryRepository, 'endAll' | 'get'>;
  findAccount: ReturnType<typeof createAccounts>['findAccount'];
  findPlan(id: string): Promise<AccountPlan>;
  /** Refuses an address that Kiln would never call. */
  checkUrl(url: string): unknown;
  newSecret(): string;
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
  /** Lets what waits for the endpoint go on. */
  wakeHeld(endpointId: string): Promise<void>;
}

export interface EndpointWish {
  /** The caller's own unless given. */
  accountId?: string | undefined;
  url: string;
  events: readonly string[];
  description: string;
}

/** What is to be different; what is not named stays. */
export interface EndpointEdit {
  url?: string | undefined;
  events?: readonly string[] | undefined;
  description?: string | undefined;
}

/** An endpoint with the secret that is never shown again. */
export interface ShownEndpoint {
  endpoint: Endpoint;
  secret: string;
}

/** Webhook endpoints: made, changed, rotated, paused and tried by their account or the operator. */
export function createEndpoints(ports: EndpointsPorts) {
  const { endpoints, deliveries, findAccount, forgetEndpoints } = ports;

  /** Somebody else's endpoint looks exactly like one that does not exist. */
  async function requireEndpoint(actor: Actor, id: string): Promise<Endpoint> {
    const owner = actor.kind === 'admin' ? null : requireAccountId(actor, undefined);
    const endpoint = await endpoints.find(id);
    if (!endpoint || (owner !== null && endpoint.accountId !== owner))
      throw new KilnError('NOT_FOUND', 'There is no such endpoint.');
    return endpoint;
  }

  const requireManaged = (actor: Actor, id: string) => requireEndpoint(requireManager(actor), id);

  async function requireIncluded(actor: Actor, accountId: string | undefined): Promise<string> {
    const account = await findAccount(actor, accountId);
    const facts = { callback: true, batch: false, size: undefined };
    const [refusal] = planRefusals(await ports.findPlan(account.plan), facts, 0);
    if (refusal) throw refuse({ ...refusal, field: 'url' });
    return account._id;
  }

  function newSecretOf(id: string): { secret: string; sealed: string } {
    const secret = ports.newSecret();
    return { secret, sealed: ports.seal(secret, { collection: 'endpoints', id, field: 'secret' }) };
  }

  async function change(endpoint: Endpoint, changes: EndpointChanges): Promise<Endpoint> {
    const changed = await endpoints.change(endpoint._id, changes);
    forgetEndpoints(endpoint.accountId);
    return changed;
  }

  function requireUrl(url: string): string {
    try {
      ports.checkUrl(requireShortUrl(url));
      return url;
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      throw new KilnError(error.code, error.message, { field: 'url', cause: error });
    }
  }

  return {
    findEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      requireReader(actor);
      return requireEndpoint(actor, id);
    },

    /** Oldest first. */
    async listEndpoints(actor: Actor, accountId?: string): Promise<Endpoint[]> {
      requireReader(actor);
      return endpoints.list(requireAccountId(actor, accountId));
    },

    async createEndpoint(actor: Actor, wish: EndpointWish): Promise<ShownEndpoint> {
      const accountId = await requireIncluded(requireSight(requireManager(actor)), wish.accountId);
      const id = newId();
      const createdAt = new Date();
      const { secret, sealed } = newSecretOf(id);
      const endpoint: Endpoint = {
        _id: id,
        accountId,
        url: requireUrl(wish.url),
        events: parseSubscriptions(wish.events),
        description: requireDescription(wish.description),
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

    /** Messages that wait already go to the new address as well. */
    async updateEndpoint(actor: Actor, id: string, edit: EndpointEdit): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      if (edit.url !== undefined || edit.events !== undefined) requireSight(actor);
      return change(endpoint, {
        ...(edit.url !== undefined && { url: requireUrl(edit.url) }),
        ...(edit.events !== undefined && { events: parseSubscriptions(edit.events) }),
        ...(edit.description !== undefined && { description: requireDescription(edit.description) }),
      });
    },

    /** What waits for it is discarded. May be repeated by whoever owned it. */
    async deleteEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      await endpoints.remove(id);
      forgetEndpoints(endpoint.accountId);
      await ports.wakeHeld(id);
      await deliveries.endAll(id, 'discarded');
      return endpoint;
    },

    /** A new secret, shown once; the present one signs as well for another day. */
    async rotateSecret(actor: Actor, id: string): Promise<ShownEndpoint> {
      const { secrets } = await requireManaged(actor, id);
      const { secret, sealed } = newSecretOf(id);
      const endpoint = await endpoints.exchangeSecrets(id, secrets, rotated(secrets, sealed, new Date()));
      if (endpoint) return { endpoint, secret };
      throw new KilnError('WRONG_STATE', 'The secret was rotated by somebody else at this moment.');
    },

    /** Nothing is sent until it is resumed; what comes meanwhile waits. */
    async pauseEndpoint(actor: Actor, id: string): Promise<Endpoint> {
      const endpoint = await requireManaged(actor, id);
      if (endpoint.state === 'paused') return endpoint;
      if (endpoint.state === 'disabled')
        throw new KilnError('WRONG_STATE', 'The endpoint is disabled: nothing is sent to it.', {
          hint: 'Resume it first.',
        });
      return change(endpoint, { state: 'paused', stateSince: new Date() });
    },

    /** After a pause, or after it was disabled; its circuit begins anew. */
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

    /** Sends it a message of its own, whatever it asked for. */
    async testEndpoint(actor: Actor, id: string): Promise<Delivery> {
      const endpoint = await requireManaged(actor, id);
      await requireIncluded(actor, endpoint.accountId);
      if (endpoint.state !== 'enabled')
        throw new KilnError('WRONG_STATE', `The endpoint is ${endpoint.state}.`, {
          hint: 'Resume it first.',
        });
      const { accountId, description } = endpoint;
      const delivery = await ports.sendTo(endpoint, {
        owner: `account:${accountId}`,
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

/** What an endpoint is told leads to the results, so only who may see those says where it goes. */
function requireSight(actor: Actor): Actor {
  if (seesResults(actor)) return actor;
  throw new KilnError('FORBIDDEN', 'An endpoint is shown your results, which this credential is not.', {
    hint: 'Use a key that has the scope READ or CONVERT as well.',
  });
}
