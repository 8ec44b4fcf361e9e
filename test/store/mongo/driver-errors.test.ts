import {
  BSON,
  MongoBulkWriteError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb';
import { describe, expect, it } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import { explainDriverError, hasOnlyDuplicateKeys } from '../../../src/store/mongo/driver-errors.ts';
import { translateErrors } from '../../../src/store/mongo/mongo.ts';

const server = (code: number, labels: string[] = []) =>
  new MongoServerError({ code, errmsg: 'no', errorLabels: labels });
const unconfirmed = (code: number) =>
  new MongoWriteConcernError({ ok: 1, writeConcernError: { code, errmsg: 'not confirmed' } });

interface BulkParts {
  /** The codes of the documents that were not written. */
  writes?: number[];
  /** The code of the write concern that was not kept. */
  concern?: number;
  within?: Error;
}

function bulk({ writes = [], concern, within }: BulkParts): MongoBulkWriteError {
  const writeErrors = writes.map((code) => ({ code })) as never;
  const unmet = concern === undefined ? undefined : { code: concern };
  const result = { getWriteConcernError: () => unmet } as unknown as MongoBulkWriteError['result'];
  const code = writes[0] ?? concern ?? 0;
  return new MongoBulkWriteError(within ?? { message: 'bulk', code, writeErrors }, result);
}

describe('what the driver throws', () => {
  it.each<[string, Error]>([
    ['a cut connection', new MongoNetworkError('connection closed')],
    ['a bulk write over a cut connection', bulk({ within: new MongoNetworkError('connection closed') })],
    ['no server to be found', new MongoServerSelectionError('timed out', {} as never)],
    ['a process that is closing', new MongoTopologyClosedError()],
    ['a server that is not primary any more', server(10_107)],
    ['a server that shuts down', server(11_600)],
    ['a label that says so', server(8000, ['RetryableWriteError'])],
    ['a conflict with another write', server(112)],
    ['a conflict in a bulk write', bulk({ writes: [112, 112] })],
    ['time that ran out', server(50)],
    ['a majority that was late', unconfirmed(64)],
    ['a majority that was late for a bulk write', bulk({ concern: 64 })],
    ['a full disk', server(14_031)],
  ])('%s may pass', (_what, error) => {
    expect(explainDriverError(error)).toMatchObject({ code: 'UNAVAILABLE', retryable: true, cause: error });
  });

  it.each<[string, Error]>([
    ['a document that is too large', server(10_334)],
    ['a value that no two may share', server(11_000)],
    ['one refused document of a bulk write', bulk({ writes: [112, 10_334] })],
    ['a write concern that nobody can keep', unconfirmed(100)],
    ['an operator that the server does not know', server(2)],
    ['an argument that the driver refuses', new MongoInvalidArgumentError('no')],
    ['a document that cannot be written down', new BSON.BSONError('cyclic')],
  ])('%s stays, and has a number of its own', (_what, error) => {
    const [one, two] = [explainDriverError(error), explainDriverError(error)] as KilnError[];
    expect(one).toMatchObject({ code: 'INTERNAL', retryable: false, cause: error });
    expect(one?.message).toMatch(/number [\w-]{36}/);
    expect(one?.message).not.toBe(two?.message);
  });

  it('is no more than a repeat only when every document was there and a majority has the rest', () => {
    expect(hasOnlyDuplicateKeys(bulk({ writes: [11_000, 11_000] }))).toBe(true);
    for (const error of [
      bulk({}),
      bulk({ writes: [11_000, 112] }),
      bulk({ writes: [11_000], concern: 64 }),
      bulk({ within: new MongoNetworkError('connection closed') }),
      server(11_000),
    ])
      expect(hasOnlyDuplicateKeys(error)).toBe(false);
  });

  it('is translated as well when it comes in the middle of a list', async () => {
    const { all } = translateErrors({
      async *all() {
        yield 1;
        throw new MongoNetworkError('connection closed');
      },
    });
    const read = async () => {
      for await (const one of all()) expect(one).toBe(1);
    };
    await expect(read()).rejects.toThrow(KilnError);
  });
});
