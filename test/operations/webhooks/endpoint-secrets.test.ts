import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { createSecrets } from '../../../src/operations/access/secrets.ts';
import { createEnvelopeSealer } from '../../../src/secrets/envelope.ts';
import { createKeyring, keyIdOf } from '../../../src/secrets/keyring.ts';
import { createMasterKeyRepository } from '../../../src/store/master-keys.ts';
import { createSealedSecretRepository } from '../../../src/store/sealed-secrets.ts';
import { openDatabase } from '../../support/database.ts';
import { ADMIN } from '../../support/harness/access-harness.ts';
import { anEndpoint } from '../../support/records.ts';

const [OLD, NEW] = [randomBytes(32), randomBytes(32)];

let database: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

const binding = (id: string) => ({ collection: 'endpoints', id, field: 'secret' });
const sealerWith = (...keys: Uint8Array[]) => createEnvelopeSealer(createKeyring(keys));

/** An endpoint whose secrets the old master key has sealed. */
async function endpointWith(...secrets: string[]): Promise<string> {
  const id = newId();
  const sealed = secrets.map((secret) => ({
    sealed: sealerWith(OLD).seal(secret, binding(id)),
    since: new Date(),
    until: null,
  }));
  await database.collections.endpoints.insertOne({ ...anEndpoint({ _id: id, secrets: sealed }), slot: id });
  return id;
}

it('each live secret is sealed anew with the master key, whether an endpoint has one or two', async () => {
  const [one, two] = [await endpointWith('only'), await endpointWith('present', 'former')];
  const secrets = createSecrets({
    sealed: createSealedSecretRepository(database.collections),
    masterKeys: createMasterKeyRepository(database.collections),
    sealer: sealerWith(NEW, OLD),
    keyIds: [keyIdOf(NEW), keyIdOf(OLD)],
    longestTokenMs: 0,
    log: { warn: () => {} },
  });
  const counts = async () =>
    new Map((await secrets.reportSecrets(ADMIN)).map(({ keyId, sealed }) => [keyId, sealed]));
  expect([...(await counts())]).toEqual([
    [keyIdOf(NEW), 0],
    [keyIdOf(OLD), 3],
  ]);
  let resealed = 0;
  for (let after: string | null = null, more = true; more; more = after !== null) {
    const page = await secrets.rotateSecrets(ADMIN, after);
    expect(page.unreadable).toBe(0);
    resealed += page.resealed;
    after = page.next;
  }
  expect(resealed).toBe(3);
  expect((await counts()).get(keyIdOf(OLD))).toBe(0);

  const opened = async (id: string) =>
    ((await database.collections.endpoints.findOne({ _id: id }))?.secrets ?? []).map(({ sealed }) =>
      sealerWith(NEW).open(sealed, binding(id)),
    );
  expect(await opened(one)).toEqual(['only']);
  expect(await opened(two)).toEqual(['present', 'former']);
});
