import type { Collection } from 'mongodb';
import { KilnError } from '../domain/errors.ts';
import { notACursor } from '../domain/page.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

/** A document with a secret in it. A delivery's secret is sealed for the job `jobId`. */
interface Sealed {
  _id: string;
  jobId?: string | null;
}

interface SecretLocation {
  collection: keyof Collections;
  /** A MongoDB path. */
  field: string;
  /** Returns the binding that the envelope was sealed with. */
  binding(document: Sealed): { collection: string; id: string; field: string };
}

/**
 * Every location of a sealed secret: a new one needs a line here, or it is not sealed again when the master key
 * changes. Ended jobs and deliveries count too: they may be retried.
 */
const LOCATIONS: readonly SecretLocation[] = [
  {
    collection: 'keys',
    field: 'sealedSecretKey',
    binding: ({ _id }) => ({ collection: 'keys', id: _id, field: 'secretKey' }),
  },
  {
    collection: 'jobs',
    field: 'callback.sealedSecret',
    binding: ({ _id }) => ({ collection: 'jobs', id: _id, field: 'callback.secret' }),
  },
  {
    collection: 'deliveries',
    field: 'sealedSecret',
    binding: ({ jobId }) => ({ collection: 'jobs', id: jobId ?? '', field: 'callback.secret' }),
  },
  // While one is rotated, an endpoint has two.
  ...[0, 1].map((index) => ({
    collection: 'endpoints' as const,
    field: `secrets.${index}.sealed`,
    binding: ({ _id }: Sealed) => ({ collection: 'endpoints', id: _id, field: 'secret' }),
  })),
];

/** A sealed secret and its location. */
export interface StoredSecret {
  location: number;
  id: string;
  envelope: string;
  binding: ReturnType<SecretLocation['binding']>;
}

export type SealedSecretRepository = ReturnType<typeof createSealedSecretRepository>;

/** All sealed secrets of the database, whichever collection they lie in. */
export function createSealedSecretRepository(collections: Collections) {
  const of = (location: SecretLocation) => collections[location.collection] as unknown as Collection<Sealed>;

  async function read(index: number, after: string, limit: number) {
    const location = locationAt(index);
    const { field } = location;
    // A projection knows no positions in a list, so all of the list is read.
    const [top = field] = field.split('.');
    const documents = await of(location)
      .find(
        { _id: { $gt: after }, [field]: { $type: 'string' } },
        { projection: { jobId: 1, [top]: 1 }, sort: { _id: 1 }, limit },
      )
      .toArray();
    const secrets = documents.flatMap((document): StoredSecret[] => {
      const envelope = valueAt(document, field);
      if (typeof envelope !== 'string') return [];
      return [{ location: index, id: document._id, envelope, binding: location.binding(document) }];
    });
    return { secrets, last: documents.at(-1)?._id };
  }

  return translateErrors({
    /**
     * Returns one page of all secrets, in a fixed order. `next` is the `after` of the next page; null at the end.
     */
    async page(
      after: string | null,
      limit: number,
    ): Promise<{ secrets: StoredSecret[]; next: string | null }> {
      let { location, id } = positionOf(after);
      for (; location < LOCATIONS.length; location += 1) {
        const { secrets, last } = await read(location, id, limit);
        if (last !== undefined) return { secrets, next: `${location}:${last}` };
        id = '';
      }
      return { secrets: [], next: null };
    },

    /** Replaces an envelope. Returns false if the secret has changed since it was read. */
    async replace({ location, id, envelope }: StoredSecret, resealed: string): Promise<boolean> {
      const { field } = locationAt(location);
      const { modifiedCount } = await of(locationAt(location)).updateOne(
        { _id: id, [field]: envelope },
        { $set: { [field]: resealed } },
      );
      return modifiedCount === 1;
    },
  });
}

function positionOf(after: string | null): { location: number; id: string } {
  if (after === null) return { location: 0, id: '' };
  const [, location, id] = /^(\d+):(.+)$/.exec(after) ?? [];
  if (location !== undefined && id !== undefined) return { location: Number(location), id };
  throw notACursor('after');
}

function locationAt(index: number): SecretLocation {
  const location = LOCATIONS[index];
  if (location) return location;
  throw new KilnError('INTERNAL', 'There is no such location of secrets.');
}

function valueAt(document: object, path: string): unknown {
  const step = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return path.split('.').reduce(step, document);
}
