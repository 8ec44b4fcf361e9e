import type { Collection } from 'mongodb';
import { KilnError } from '../domain/errors.ts';
import { notACursor } from '../domain/page.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

/** A document with a secret in it; `jobId` is where a delivery has its secret from. */
interface Sealed {
  _id: string;
  jobId?: string | null;
}

interface SealedPlace {
  collection: keyof Collections;
  /** As MongoDB writes a path. */
  field: string;
  /** What the envelope is bound to, which is where the secret was sealed first. */
  binding(document: Sealed): { collection: string; id: string; field: string };
}

/**
 * Every place in which a sealed secret is stored; whoever adds one adds a line, so that it is sealed
 * again when the master key changes. Ended jobs and deliveries are in: they may be repeated.
 */
const PLACES: readonly SealedPlace[] = [
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

/** A secret where it was found. */
export interface StoredSecret {
  place: number;
  id: string;
  envelope: string;
  binding: ReturnType<SealedPlace['binding']>;
}

export type SealedSecretRepository = ReturnType<typeof createSealedSecretRepository>;

/** All sealed secrets of the database, whichever collection they lie in. */
export function createSealedSecretRepository(collections: Collections) {
  const of = (place: SealedPlace) => collections[place.collection] as unknown as Collection<Sealed>;

  async function read(index: number, after: string, limit: number) {
    const place = placeAt(index);
    const { field } = place;
    // A projection knows no positions in a list, so all of the list is read.
    const [top = field] = field.split('.');
    const documents = await of(place)
      .find(
        { _id: { $gt: after }, [field]: { $type: 'string' } },
        { projection: { jobId: 1, [top]: 1 }, sort: { _id: 1 }, limit },
      )
      .toArray();
    const secrets = documents.flatMap((document): StoredSecret[] => {
      const envelope = valueAt(document, field);
      if (typeof envelope !== 'string') return [];
      return [{ place: index, id: document._id, envelope, binding: place.binding(document) }];
    });
    return { secrets, last: documents.at(-1)?._id };
  }

  return translateErrors({
    /** One page of all secrets in a fixed order; `next` is where the following one begins, null at the end. */
    async page(
      after: string | null,
      limit: number,
    ): Promise<{ secrets: StoredSecret[]; next: string | null }> {
      let { place, id } = positionOf(after);
      for (; place < PLACES.length; place += 1) {
        const { secrets, last } = await read(place, id, limit);
        if (last !== undefined) return { secrets, next: `${place}:${last}` };
        id = '';
      }
      return { secrets: [], next: null };
    },

    /** @returns false when somebody has changed the secret since it was read: theirs counts. */
    async replace({ place, id, envelope }: StoredSecret, resealed: string): Promise<boolean> {
      const { field } = placeAt(place);
      const { modifiedCount } = await of(placeAt(place)).updateOne(
        { _id: id, [field]: envelope },
        { $set: { [field]: resealed } },
      );
      return modifiedCount === 1;
    },
  });
}

function positionOf(after: string | null): { place: number; id: string } {
  if (after === null) return { place: 0, id: '' };
  const [, place, id] = /^(\d+):(.+)$/.exec(after) ?? [];
  if (place !== undefined && id !== undefined) return { place: Number(place), id };
  throw notACursor('after');
}

function placeAt(index: number): SealedPlace {
  const place = PLACES[index];
  if (place) return place;
  throw new KilnError('INTERNAL', 'There is no such place of secrets.');
}

function valueAt(document: object, path: string): unknown {
  const step = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return path.split('.').reduce(step, document);
}
