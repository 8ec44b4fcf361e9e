import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { createSecrets, type SecretsPorts, watchMasterKey } from '../../../src/operations/access/secrets.ts';
import { createEnvelopeSealer } from '../../../src/secrets/envelope.ts';
import { createKeyring, keyIdOf } from '../../../src/secrets/keyring.ts';
import { createLinks } from '../../../src/secrets/links.ts';
import { createSessionTokens } from '../../../src/secrets/sessions.ts';
import { createTokenSigner } from '../../../src/secrets/signed-token.ts';
import { createMasterKeyRepository } from '../../../src/store/master-keys.ts';
import { createSealedSecretRepository } from '../../../src/store/sealed-secrets.ts';
import { openDatabase } from '../../support/database.ts';
import { ADMIN } from '../../support/harness/access-harness.ts';
import { aDelivery, aJob, anAccountCaller, anApiKey } from '../../support/records.ts';

const HOUR = 3_600_000;
const NOTE = 5 * 60_000;
const LONGEST = 168 * HOUR;

let database: Awaited<ReturnType<typeof openDatabase>>;
let oldKey: Uint8Array;
let newKey: Uint8Array;
let oldId: string;
let newKeyId: string;

beforeAll(async () => {
  database = await openDatabase();
});
beforeEach(async () => {
  [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
  [oldId, newKeyId] = [keyIdOf(oldKey), keyIdOf(newKey)];
  for (const collection of await database.db.collections()) await collection.deleteMany({});
});
afterAll(() => database.drop());

/** A process that has these master keys. */
function processWith(keys: Uint8Array[], different: Partial<SecretsPorts> = {}) {
  const keyring = createKeyring(keys);
  const signer = createTokenSigner(keyring);
  const sealer = createEnvelopeSealer(keyring);
  const ports: SecretsPorts = {
    sealed: createSealedSecretRepository(database.collections),
    masterKeys: createMasterKeyRepository(database.collections),
    sealer,
    keyIds: keyring.keyIds,
    longestTokenMs: LONGEST,
    log: { warn: () => undefined },
    ...different,
  };
  return {
    ...createSecrets(ports),
    ports,
    sealer,
    links: createLinks(signer),
    ...createSessionTokens(signer),
  };
}
type Process = ReturnType<typeof processWith>;

const bindings = {
  key: (id: string) => ({ collection: 'keys', id, field: 'secretKey' }),
  callback: (id: string) => ({ collection: 'jobs', id, field: 'callback.secret' }),
};

/** A key, a job with a callback and its delivery, sealed as the operations seal. */
async function fill({ sealer }: Process, count = 1) {
  const made = Array.from({ length: count }, (_, i) => {
    const [key, job] = [newId(), newId()];
    return { key, job, delivery: newId(), keySecret: `key ${i}`, callbackSecret: `callback ${i}` };
  });
  const { keys, jobs, deliveries } = database.collections;
  await keys.insertMany(
    made.map(({ key, keySecret }) =>
      anApiKey({ _id: key, sealedSecretKey: sealer.seal(keySecret, bindings.key(key)) }),
    ),
  );
  const sealedCallback = ({ job, callbackSecret }: (typeof made)[number]) =>
    sealer.seal(callbackSecret, bindings.callback(job));
  const url = 'https://receiver.example/hook';
  await jobs.insertMany(
    made.map((one) =>
      aJob({
        _id: one.job,
        callback: { url, sealedSecret: sealedCallback(one), status: 'pending', attempts: 0 },
      }),
    ),
  );
  await jobs.insertOne(aJob());
  await deliveries.insertMany(
    made.map((one) => aDelivery({ _id: one.delivery, jobId: one.job, sealedSecret: sealedCallback(one) })),
  );
  await deliveries.insertOne(aDelivery());
  return made;
}
type Made = Awaited<ReturnType<typeof fill>>;

async function opened({ sealer }: Process, { key, job, delivery }: Made[number]) {
  const { keys, jobs, deliveries } = database.collections;
  const stored = [
    (await keys.findOne({ _id: key }))?.sealedSecretKey,
    (await jobs.findOne({ _id: job }))?.callback?.sealedSecret,
    (await deliveries.findOne({ _id: delivery }))?.sealedSecret,
  ];
  const [first, ...rest] = stored.map((envelope) => envelope ?? '');
  return [
    sealer.open(first ?? '', bindings.key(key)),
    ...rest.map((envelope) => sealer.open(envelope, bindings.callback(job))),
  ];
}

async function rotateAll({ rotateSecrets }: Process) {
  const sum = { resealed: 0, unreadable: 0, pages: 0 };
  let after: string | null = null;
  do {
    const page = await rotateSecrets(ADMIN, after);
    sum.resealed += page.resealed;
    sum.unreadable += page.unreadable;
    sum.pages += 1;
    after = page.next;
  } while (after !== null);
  return sum;
}

describe('with a new master key in front of the old one', () => {
  it('what the old one signed and sealed still counts, new things are the new one’s', async () => {
    const [old, both] = [processWith([oldKey]), processWith([newKey, oldKey])];
    const [made] = await fill(old);
    const expiresAt = new Date(Date.now() + HOUR);
    const session = old.issueSession({ accountId: 'a', accountSince: 0, scopes: ['read'] }, expiresAt);
    expect(both.readSession(session)).toMatchObject({ accountId: 'a' });
    expect(both.links.subjectOf('guest', old.links.guestToken('g'))).toBe('g');
    const token = old.links.statusToken(aJob({ _id: 'job' }));
    expect(both.links.subjectOf('job-status', token)).toBe('job');
    const path = old.links.downloadPath({ _id: 'file', filename: 'a.png', expiresAt });
    expect(both.links.subjectOf('download', path.split('/')[3] ?? '')).toBe('file');
    expect(await opened(both, made as Made[number])).toEqual(['key 0', 'callback 0', 'callback 0']);
    expect(both.links.guestToken('g').split('.')[0]).toBe(newKeyId);
    expect(old.links.subjectOf('guest', both.links.guestToken('g'))).toBeNull();
  });

  it('a rotation seals all of it anew, so that the new key alone opens it', async () => {
    const both = processWith([newKey, oldKey]);
    const made = await fill(processWith([oldKey]), 3);
    expect(await rotateAll(both)).toMatchObject({ resealed: 9, unreadable: 0 });
    for (const [i, one] of made.entries())
      expect(await opened(processWith([newKey]), one)).toEqual([
        `key ${i}`,
        `callback ${i}`,
        `callback ${i}`,
      ]);
    for (const one of made)
      await expect(opened(processWith([oldKey]), one)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await rotateAll(both)).toMatchObject({ resealed: 0, unreadable: 0 });
  });

  it('goes through more than a page, begun again in the middle and by two at once', async () => {
    const both = processWith([newKey, oldKey]);
    await fill(processWith([oldKey]), 700);
    const first = await both.rotateSecrets(ADMIN, null);
    expect(first).toMatchObject({ resealed: 500, next: expect.stringMatching(/^0:/) });
    const sums = await Promise.all([rotateAll(both), rotateAll(both)]);
    const resealed = sums.reduce((sum, one) => sum + one.resealed, 0);
    console.log(
      `2100 secrets: 500 in the first page, ${resealed} by two rotations at once in ${sums[0]?.pages} pages`,
    );
    expect(resealed).toBe(1600);
    expect(await both.reportSecrets(ADMIN)).toMatchObject([
      { keyId: newKeyId, sealed: 2100 },
      { keyId: oldId, sealed: 0 },
    ]);
  });

  it('lets somebody who changes a secret meanwhile win', async () => {
    const old = processWith([oldKey]);
    const [made] = await fill(old);
    const { key } = made as Made[number];
    const real = createSealedSecretRepository(database.collections);
    const sealed: typeof real = {
      ...real,
      page: real.page,
      async replace(secret, resealed) {
        const sealedSecretKey = old.sealer.seal('rotated by its owner', bindings.key(key));
        await database.collections.keys.updateOne({ _id: key }, { $set: { sealedSecretKey } });
        return real.replace(secret, resealed);
      },
    };
    expect(await rotateAll(processWith([newKey, oldKey], { sealed }))).toMatchObject({ resealed: 2 });
    expect(await opened(processWith([newKey, oldKey]), made as Made[number])).toMatchObject({
      0: 'rotated by its owner',
    });
    expect(await rotateAll(processWith([newKey, oldKey]))).toMatchObject({ resealed: 1 });
  });

  it('leaves alone what no key opens, and says how much that is', async () => {
    await fill(processWith([randomBytes(32)]));
    const moved = processWith([oldKey]).sealer.seal('x', bindings.key('elsewhere'));
    await database.collections.keys.insertOne(anApiKey({ sealedSecretKey: moved }));
    const before = await database.collections.keys.find().toArray();
    expect(await rotateAll(processWith([newKey, oldKey]))).toMatchObject({ resealed: 0, unreadable: 4 });
    expect(await database.collections.keys.find().toArray()).toEqual(before);
  });
});

describe('whether an old key may go', () => {
  const start = Date.UTC(2026, 0, 1);

  it('is no while something is sealed under it or a token of it may live, then yes', async () => {
    const clock = { at: start };
    const now = () => clock.at;
    const old = processWith([oldKey], { now });
    (await watchMasterKey(old.ports))();
    await fill(old);
    clock.at += 1000 * HOUR;
    // It has run all the while, and is started again with a new key in front.
    (await watchMasterKey(old.ports))();
    const both = processWith([newKey, oldKey], { now });
    (await watchMasterKey(both.ports))();
    const idleFrom = new Date(clock.at + NOTE + LONGEST);
    const report = async () => (await both.reportSecrets(ADMIN)).find(({ keyId }) => keyId === oldId);
    expect(await report()).toEqual({
      keyId: oldId,
      inFront: false,
      available: true,
      sealed: 3,
      idleFrom,
      removable: false,
    });
    await rotateAll(both);
    expect(await report()).toMatchObject({ sealed: 0, removable: false });
    clock.at = idleFrom.getTime() - 1;
    expect(await report()).toMatchObject({ removable: false });
    clock.at += 1;
    expect(await report()).toMatchObject({ removable: true });
    // A process that was never started again still signs under it.
    (await watchMasterKey(old.ports))();
    expect(await report()).toMatchObject({ removable: false, idleFrom: new Date(clock.at + NOTE + LONGEST) });
    expect(await both.reportSecrets(ADMIN)).toMatchObject([
      { keyId: newKeyId, inFront: true, idleFrom: null, removable: false },
      { keyId: oldId },
    ]);
  });

  it('is reckoned from the first day of the new one, where nobody has noted the old one', async () => {
    const both = processWith([newKey, oldKey], { now: () => start });
    (await watchMasterKey(both.ports))();
    const later = processWith([newKey, oldKey], { now: () => start + LONGEST });
    (await watchMasterKey(later.ports))();
    expect((await both.reportSecrets(ADMIN))[1]).toMatchObject({
      idleFrom: new Date(start + LONGEST),
      removable: false,
    });
    expect((await later.reportSecrets(ADMIN))[1]).toMatchObject({ removable: true });
  });

  it('is no for one that is missing although something is sealed under it', async () => {
    await fill(processWith([oldKey]));
    const report = await processWith([newKey]).reportSecrets(ADMIN);
    expect(report[1]).toMatchObject({ keyId: oldId, available: false, sealed: 3, removable: false });
  });
});

describe('the operator', () => {
  it('alone may ask and rotate, from a position that there is', async () => {
    const { rotateSecrets, reportSecrets } = processWith([newKey]);
    for (const [actor, code] of [
      [anAccountCaller(), 'FORBIDDEN'],
      [{ kind: 'guest', guestId: 'g' }, 'FORBIDDEN'],
      [{ kind: 'anonymous' }, 'UNAUTHENTICATED'],
    ] as const) {
      await expect(rotateSecrets(actor, null)).rejects.toMatchObject({ code });
      await expect(reportSecrets(actor)).rejects.toMatchObject({ code });
    }
    for (const after of ['', 'keys', '-1:x', '{"$ne":null}'])
      await expect(rotateSecrets(ADMIN, after)).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        field: 'after',
      });
    expect(await rotateSecrets(ADMIN, '99:x')).toEqual({ resealed: 0, unreadable: 0, next: null });
  });
});
