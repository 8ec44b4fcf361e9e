import type { Filter, UpdateFilter } from 'mongodb';
import { endpointSlots } from '../domain/derived-ids.ts';
import { KilnError } from '../domain/errors.ts';
import type { Circuit } from '../domain/webhooks/circuit.ts';
import { type Endpoint, MAX_ENDPOINTS } from '../domain/webhooks/endpoint.ts';
import { isDuplicateKey } from './mongo/driver-errors.ts';
import { type Collections, type SlottedEndpoint, translateErrors } from './mongo/mongo.ts';

/** What may be changed of an endpoint. */
export type EndpointChanges = Partial<
  Pick<Endpoint, 'url' | 'events' | 'description' | 'state' | 'disabledFor' | 'stateSince' | 'circuit'>
>;

export type EndpointRepository = ReturnType<typeof createEndpointRepository>;

/** The webhook endpoints of accounts. */
export function createEndpointRepository({ endpoints }: Pick<Collections, 'endpoints'>) {
  async function change(
    filter: Filter<SlottedEndpoint>,
    changes: Partial<Endpoint>,
  ): Promise<Endpoint | null> {
    const update: UpdateFilter<SlottedEndpoint> = { $set: { ...changes, updatedAt: new Date() } };
    return endpoints.findOneAndUpdate(filter, update, { returnDocument: 'after' });
  }

  return translateErrors({
    find: (id: string): Promise<Endpoint | null> => endpoints.findOne({ _id: id }),

    /** Returns the account's endpoints, oldest first; read by their slots, a unique key. */
    async list(accountId: string): Promise<Endpoint[]> {
      const found = await endpoints.find({ slot: { $in: endpointSlots(accountId) } }).toArray();
      return found.sort((left, right) => (left._id < right._id ? -1 : 1));
    },

    /** Inserts an endpoint in a free slot. @throws KilnError WRONG_STATE if the account has 20 already. */
    async insert(endpoint: Endpoint): Promise<void> {
      for (const slot of endpointSlots(endpoint.accountId)) {
        try {
          await endpoints.insertOne({ ...endpoint, slot });
          return;
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
        }
      }
      throw new KilnError('WRONG_STATE', `An account has at most ${MAX_ENDPOINTS} endpoints.`, {
        hint: 'Delete one that is not needed.',
      });
    },

    async change(id: string, changes: EndpointChanges): Promise<Endpoint> {
      const endpoint = await change({ _id: id }, changes);
      if (!endpoint) throw new KilnError('NOT_FOUND', 'There is no such endpoint.');
      return endpoint;
    },

    /** Disables an endpoint. Returns null unless it was enabled. */
    disable: (id: string, changes: EndpointChanges): Promise<Endpoint | null> =>
      change({ _id: id, state: 'enabled' }, { ...changes, state: 'disabled', untold: true }),

    /** Returns disabled endpoints whose `endpoint.disabled` has not been emitted. */
    listUnemitted: (limit: number): Promise<Endpoint[]> =>
      endpoints.find({ untold: true }, { limit }).toArray(),

    /** Notes that the event was emitted, unless the endpoint has changed state since. */
    async noteEmitted({ _id, stateSince }: Pick<Endpoint, '_id' | 'stateSince'>): Promise<void> {
      await endpoints.updateOne({ _id, stateSince }, { $unset: { untold: '' } });
    },

    /** @returns null when somebody else has exchanged the secrets since they were read. */
    exchangeSecrets: (
      id: string,
      known: readonly Endpoint['secrets'][number][],
      secrets: Endpoint['secrets'],
    ): Promise<Endpoint | null> =>
      change({ _id: id, 'secrets.0.sealed': known[0]?.sealed ?? '' }, { secrets }),

    /** @returns whether the circuit was still the one that was read. */
    async exchangeCircuit(id: string, version: number, circuit: Circuit): Promise<boolean> {
      const { matchedCount } = await endpoints.updateOne(
        { _id: id, 'circuit.version': version },
        { $set: { circuit } },
      );
      return matchedCount === 1;
    },

    async remove(id: string): Promise<void> {
      await endpoints.deleteOne({ _id: id });
    },
  });
}
