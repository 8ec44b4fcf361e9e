import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import type { DeliveryAttempt } from '../../src/domain/webhooks/delivery.ts';
import { createAccountRepository } from '../../src/store/accounts.ts';
import { createApiKeyRepository } from '../../src/store/api-keys.ts';
import { createCreditRepository } from '../../src/store/credits.ts';
import { createDeliveryRepository } from '../../src/store/deliveries.ts';
import { createFileRepository } from '../../src/store/files.ts';
import { createMasterKeyRepository } from '../../src/store/master-keys.ts';
import { connectMongo } from '../../src/store/mongo/mongo.ts';
import { createUploadRepository } from '../../src/store/uploads.ts';
import { openDatabase } from '../support/database.ts';
import { aDelivery, aFile, anApiKey, anUpload } from '../support/records.ts';
import { hasBug } from '../support/servers/mongo-bugs.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

const received = { size: 10, sha256: '1'.repeat(64) };
const missing = { code: 'NOT_FOUND' };

describe('uploads', () => {
  const repository = () => createUploadRepository(database.collections);

  async function inserted(different: Parameters<typeof anUpload>[0] = {}): Promise<string> {
    const upload = anUpload(different);
    await repository().insertIfAbsent(upload);
    return upload._id;
  }

  it('are finalized by exactly one of many', async () => {
    const id = await inserted();
    await repository().receive(id, 'blob-1', received);
    const results = await Promise.all(Array.from({ length: 50 }, () => repository().finalize(id)));
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await repository().get(id)).toMatchObject({ state: 'finalized', blobId: 'blob-1', received });
  });

  it('are not finalized before the bytes are there', async () => {
    const id = await inserted();
    expect(await repository().finalize(id)).toBe(false);
    expect(await repository().get(id)).toMatchObject({ state: 'open' });
  });

  it('give back the blob that newer bytes replace', async () => {
    const id = await inserted();
    expect(await repository().receive(id, 'blob-1', received)).toBeNull();
    expect(await repository().receive(id, 'blob-2', received)).toBe('blob-1');
  });

  it('name each replaced blob once when bytes arrive in parallel', async () => {
    const id = await inserted();
    const blobs = Array.from({ length: 20 }, (_, i) => `blob-${i}`);
    const replaced = await Promise.all(blobs.map((blob) => repository().receive(id, blob, received)));
    const { blobId } = await repository().get(id);
    const named = [...replaced.filter((blob) => blob !== null), blobId];
    if (hasBug('parallel-before-images')) expect(blobs).toEqual(expect.arrayContaining(named));
    else expect(named.sort()).toEqual([...blobs].sort());
  });

  it('take no more bytes once they are finalized, rejected or closed', async () => {
    const error = { code: 'SIZE_MISMATCH', message: 'Too long.' } as const;
    const [finalized, rejected, closed] = [await inserted(), await inserted(), await inserted()];
    await repository().receive(finalized, 'kept', received);
    await repository().finalize(finalized);
    await repository().reject(rejected, error);
    await repository().close(closed);
    for (const id of [finalized, rejected, closed])
      expect(await repository().receive(id, 'late', received)).toBe('closed');
    expect(await repository().get(finalized)).toMatchObject({ blobId: 'kept' });
    expect(await repository().get(rejected)).toMatchObject({ state: 'rejected', fault: error, blobId: null });
  });

  it('stay finalized when their job ends', async () => {
    const id = await inserted();
    await repository().receive(id, 'kept', received);
    await repository().finalize(id);
    expect(await repository().close(id)).toMatchObject({ state: 'finalized', fault: null });
    expect(await repository().close(newId())).toBeNull();
  });
});

describe('files', () => {
  const repository = () => createFileRepository(database.collections);

  it('are gone once they have expired', async () => {
    const [alive, expired] = [aFile(), aFile({ expiresAt: new Date(Date.now() - 1) })];
    await repository().insertIfAbsent(alive);
    await repository().insertIfAbsent(expired);
    expect(await repository().get(alive._id)).toEqual(alive);
    await expect(repository().get(expired._id)).rejects.toMatchObject(missing);
  });

  it('keep what was written first', async () => {
    const file = aFile();
    const repeats = Array.from({ length: 20 }, (_, i) =>
      repository().insertIfAbsent({ ...file, size: 10 + i }),
    );
    await Promise.all(repeats);
    expect(await repository().get(file._id)).toMatchObject({ _id: file._id });
    expect(await database.collections.files.countDocuments({ _id: file._id })).toBe(1);
    const { size } = await repository().get(file._id);
    await repository().insertIfAbsent({ ...file, size: 999 });
    expect(await repository().get(file._id)).toMatchObject({ size });
  });

  it('learn what their bytes are, and can be removed twice', async () => {
    const file = aFile();
    await repository().insertIfAbsent(file);
    await repository().setMediaInfo(file._id, { format: 'png', width: 3, height: 2 });
    expect(await repository().get(file._id)).toMatchObject({ format: 'png', width: 3, height: 2 });
    await repository().remove(file._id);
    await repository().remove(file._id);
    await expect(repository().get(file._id)).rejects.toMatchObject(missing);
  });

  it('are listed newest first, to their owner, unless expired', async () => {
    const owner = `account:${newId()}`;
    const files = [aFile({ owner }), aFile({ owner, expiresAt: new Date(0) }), aFile({ owner }), aFile()];
    for (const file of files) await repository().insertIfAbsent(file);
    const list = await repository().list({ owner, limit: 10 });
    expect(list.map(({ _id }) => _id)).toEqual([files[2]?._id, files[0]?._id]);
    const next = await repository().list({ owner, limit: 10, before: files[2]?._id ?? '' });
    expect(next.map(({ _id }) => _id)).toEqual([files[0]?._id]);
  });
});

describe('keys and accounts', () => {
  it('are found by the hash of the secret until they are revoked', async () => {
    const repository = createApiKeyRepository(database.collections);
    const [live, revoked] = [anApiKey(), anApiKey({ revokedAt: new Date() })];
    await repository.insertIfAbsent(live);
    await repository.insertIfAbsent(revoked);
    expect(await repository.findBySecretHash(live.secretHash)).toEqual(live);
    expect(await repository.findBySecretHash(revoked.secretHash)).toBeNull();
    expect(await repository.findBySecretHash('unknown')).toBeNull();
  });

  it('count each use of a key, and keep the latest time, in whichever order processes write', async () => {
    const repository = createApiKeyRepository(database.collections);
    const key = anApiKey();
    await repository.insertIfAbsent(key);
    const [earlier, later] = [new Date('2026-11-23T12:00:00Z'), new Date('2026-11-23T12:00:09Z')];
    for (const lastUsedAt of [later, earlier])
      await repository.addUses([{ keyId: key._id, count: 2, lastUsedAt }]);
    expect(await repository.find(key._id)).toMatchObject({ usageCount: 4, lastUsedAt: later });
  });

  it('remember the latest month that was granted, if an older one is finished late', async () => {
    const [accounts, credits] = [
      createAccountRepository(database.collections),
      createCreditRepository(database.collections),
    ];
    const account = { _id: newId(), name: 'Late', plan: newId(), createdAt: new Date() };
    await accounts.insertIfAbsent(account);
    for (const month of ['2026-12', '2026-11']) await credits.noteMonth(account._id, month);
    expect(await credits.listWithoutMonth(account.plan, '2026-12', 10)).toEqual([]);
    expect(await credits.listWithoutMonth(account.plan, '2027-01', 10)).toEqual([account._id]);
  });

  it('are made once', async () => {
    const repository = createAccountRepository(database.collections);
    const account = { _id: newId(), name: 'First', plan: 'pro', createdAt: new Date() };
    await repository.insertIfAbsent(account);
    await repository.insertIfAbsent({ ...account, plan: 'free' });
    expect(await repository.find(account._id)).toEqual(account);
    expect(await repository.find('nobody')).toBeNull();
  });
});

describe('master keys', () => {
  it('were last in front at the latest time that any process says', async () => {
    const repository = createMasterKeyRepository(database.collections);
    const _id = newId();
    const [earlier, later] = [new Date('2026-11-23T12:00:00Z'), new Date('2026-11-23T12:00:09Z')];
    for (const at of [later, earlier]) await repository.noteInFront(_id, at);
    expect(await repository.list()).toContainEqual({ _id, since: later, lastInFrontAt: later });
  });
});

describe('deliveries', () => {
  const repository = () => createDeliveryRepository(database.collections);
  const attempt = (number: number): DeliveryAttempt => ({
    number,
    at: new Date(),
    durationMs: 12,
    status: 500,
    networkError: null,
    responseHead: 'no',
  });

  it('keep the body that was built first', async () => {
    const delivery = aDelivery({ body: '{"first":true}' });
    await repository().insertIfAbsent(delivery);
    await repository().insertIfAbsent({ ...delivery, body: '{"first":false}' });
    expect(await repository().get(delivery._id)).toEqual(delivery);
    await expect(repository().get(newId())).rejects.toMatchObject(missing);
  });

  it('list each attempt once, in order', async () => {
    const { _id } = aDelivery();
    await repository().insertIfAbsent(aDelivery({ _id }));
    await repository().recordAttempt(_id, attempt(1), { state: 'pending', nextAttemptAt: null });
    await repository().recordAttempt(
      _id,
      { ...attempt(1), status: 200 },
      { state: 'delivered', nextAttemptAt: null },
    );
    await repository().recordAttempt(_id, attempt(2), { state: 'failed', nextAttemptAt: null });
    const delivery = await repository().get(_id);
    expect(delivery.state).toBe('failed');
    expect(delivery.attempts.map(({ number, status }) => [number, status])).toEqual([
      [1, 500],
      [2, 500],
    ]);
  });
});

describe('a database that is away', () => {
  it('is UNAVAILABLE, whatever the driver says', async () => {
    const gone = await openDatabase();
    const repository = createUploadRepository(gone.collections);
    await gone.close();
    const error = await repository.get('x').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The database does not answer at the moment.',
    });
  });
});

describe('a connection string', () => {
  it('names the database', async () => {
    const name = `kiln-test-${newId()}`;
    const uri = inject('mongoUri').replace(/^(mongodb[^/]*\/\/[^/]+)(?:\/[^?]*)?/, `$1/${name}`);
    const { db, close } = await connectMongo(uri);
    expect(db.databaseName).toBe(name);
    await db.dropDatabase();
    await close();
  });
});
