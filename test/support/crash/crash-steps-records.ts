import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { accessSlice } from '../../../src/app/access.ts';
import { UNKNOWN_SENDER } from '../../../src/domain/access/client-address.ts';
import { outputFileId } from '../../../src/domain/derived-ids.ts';
import { attemptBlobId, outputBlobs } from '../../../src/domain/files/blob-name.ts';
import { SWEEP_KINDS, type SweepKind } from '../../../src/domain/files/retention.ts';
import { newId } from '../../../src/domain/id.ts';
import { createEnvelopeSealer } from '../../../src/secrets/envelope.ts';
import { createKeyring, keyIdOf } from '../../../src/secrets/keyring.ts';
import { ADMIN } from '../harness/access-harness.ts';
import { PNG } from '../harness/job-harness.ts';
import { openMoney } from '../money.ts';
import { aDelivery, aJob, anAccountCaller, anApiKey, anEndpoint, anUpload } from '../records.ts';
import type { CrashStepsHarness, Owner } from './crash-steps-harness.ts';
import type { NewStep } from './crash-steps-webhooks.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Long over for every lifetime of the harness. */
const OLD = new Date(Date.now() - 30 * DAY);
const KEPT_UNTIL = new Date(Date.now() + 300 * DAY);
/** So much later bytes that no document names are nobody's, whatever their names say. */
const ORPHANED_MS = 8 * DAY;
const MONTHLY = 600;

/** Accounts and keys of processes that may die. */
export function mortalAccess(harness: CrashStepsHarness) {
  return accessSlice(harness.shared);
}

/** One sweep that dies, then others, until also what nobody names is found. */
function sweeping(
  kind: SweepKind,
  fill: (harness: CrashStepsHarness, owner: Owner) => Promise<void>,
): NewStep {
  return async (harness, owner) => {
    await fill(harness, owner);
    const kept = await newResult(harness, owner, KEPT_UNTIL);
    const later = kind === 'blobs' ? Date.now() + ORPHANED_MS : Date.now();
    return {
      work: () => harness.sweep({ kind, after: null }, later),
      async afterwards() {
        for (const each of SWEEP_KINDS)
          if (each !== 'blobs') await harness.sweep({ kind: each, after: null });
        await harness.sweep({ kind: 'blobs', after: null }, Date.now() + ORPHANED_MS);
      },
      async holds() {
        const files = await harness.collections.files.find().toArray();
        expect(files.map(({ _id }) => _id)).toContain(kept._id);
        // No record without its bytes, and no bytes without a record.
        expect((await harness.filesOnDisk()).sort()).toEqual(files.map(({ blobId }) => blobId).sort());
        const { uploads, jobs, deliveries, windows } = harness.collections;
        for (const left of [uploads, jobs, deliveries])
          expect(await (left as typeof uploads).find({ owner: owner.owner }).toArray()).toEqual([]);
        expect(await windows.find({ day: { $lt: '2021' } }).toArray()).toEqual([]);
      },
    };
  };
}

function newResult(harness: CrashStepsHarness, { owner }: Owner, expiresAt: Date) {
  const jobId = newId();
  const blobId = attemptBlobId(outputBlobs(jobId, 0), 'bb');
  return harness.newFile(blobId, {
    _id: outputFileId(jobId, 0),
    owner,
    jobId,
    origin: 'output' as const,
    expiresAt,
  });
}

export const RECORD_STEPS: Record<string, NewStep> = {
  'sweep files': sweeping('files', async (harness, owner) => {
    for (let i = 0; i < 3; i += 1) await newResult(harness, owner, OLD);
  }),
  'sweep uploads': sweeping('uploads', async (harness, { owner }) => {
    for (let i = 0; i < 2; i += 1) {
      const upload = anUpload({ owner, size: PNG.length });
      await harness.collections.uploads.insertOne(upload);
      await harness.receiveUpload(upload._id, Readable.from([PNG]));
    }
    await harness.collections.uploads.updateMany({ owner }, { $set: { expiresAt: OLD } });
  }),
  'sweep records': sweeping('jobs', async ({ collections: { jobs, deliveries } }, { owner }) => {
    await jobs.insertMany([1, 2].map(() => aJob({ owner, status: 'ready', finishedAt: OLD })));
    const times = { createdAt: OLD, updatedAt: OLD, stateSince: OLD };
    await deliveries.insertMany([1, 2].map(() => aDelivery({ owner, state: 'delivered', ...times })));
  }),
  'sweep windows': sweeping('windows', async ({ collections }) => {
    const window = { size: 1, hits: [], day: '2020-01-01', today: 0, seq: 1 };
    for (let i = 0; i < 3; i += 1) await collections.windows.insertOne({ _id: newId(), ...window } as never);
  }),
  'sweep blobs': sweeping('blobs', async ({ blobs }) => {
    for (let i = 0; i < 3; i += 1) {
      const blobId = attemptBlobId(outputBlobs(newId(), 0), 'cc');
      await blobs.write(blobId, Readable.from([PNG]), { maxBytes: PNG.length });
    }
  }),
  'grant the credits of a month': async (harness, { accountId }) => {
    const { accounts, ledger } = harness.collections;
    await accounts.updateOne({ _id: accountId }, { $set: { lowCause: 'a job' } });
    const work = () => harness.run('grantMonth', { month: '2026-11', after: '' });
    const holds = async () => {
      const money = openMoney(harness.collections);
      expect(await money.credits.get(accountId)).toMatchObject({ available: MONTHLY, held: 0 });
      const given = await ledger.find({ accountId }).toArray();
      expect(given.map(({ kind }) => kind)).toEqual(['monthly']);
      expect((await money.reconcile()).differences).toEqual([]);
      const account = await accounts.findOne({ _id: accountId });
      expect(account).toMatchObject({ grantedMonth: '2026-11', pendingEntries: [] });
      expect(account).not.toHaveProperty('lowCause');
    };
    return { work, afterwards: work, holds };
  },
  'seal secrets anew': async (harness, { accountId, owner }) => {
    const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
    const old = createEnvelopeSealer(createKeyring([oldKey]));
    const fresh = createEnvelopeSealer(createKeyring([newKey]));
    const keyring = createKeyring([newKey, oldKey]);
    const { operations: secrets } = accessSlice({
      ...harness.shared,
      keyring,
      sealer: createEnvelopeSealer(keyring),
    });
    const [keyId, jobId, id] = [newId(), newId(), newId()];
    const at = {
      key: { collection: 'keys', id: keyId, field: 'secretKey' },
      job: { collection: 'jobs', id: jobId, field: 'callback.secret' },
      endpoint: { collection: 'endpoints', id, field: 'secret' },
    };
    const { keys, jobs, deliveries, endpoints } = harness.collections;
    const callback = { url: 'https://receiver.example', status: 'failed', attempts: 1 } as const;
    const sealedSecret = old.seal('callback', at.job);
    await keys.insertOne(anApiKey({ _id: keyId, accountId, sealedSecretKey: old.seal('key', at.key) }));
    await jobs.insertOne(
      aJob({ _id: jobId, owner, status: 'ready', callback: { ...callback, sealedSecret } }),
    );
    const deliveryId = newId();
    await deliveries.insertOne(aDelivery({ _id: deliveryId, owner, jobId, sealedSecret, state: 'failed' }));
    const both = ['present', 'former'].map((secret) => ({
      sealed: old.seal(secret, at.endpoint),
      since: new Date(),
      until: null,
    }));
    await endpoints.insertOne({
      ...anEndpoint({ _id: id, accountId, secrets: both }),
      slot: `${accountId}:0`,
    });
    const work = async () => {
      let after: string | null = null;
      do after = (await secrets.rotateSecrets(ADMIN, after)).next;
      while (after !== null);
    };
    const holds = async () => {
      const key = await keys.findOne({ _id: keyId });
      expect(fresh.open(key?.sealedSecretKey ?? '', at.key)).toBe('key');
      const job = await jobs.findOne({ _id: jobId });
      expect(fresh.open(job?.callback?.sealedSecret ?? '', at.job)).toBe('callback');
      const delivery = await deliveries.findOne({ _id: deliveryId });
      expect(fresh.open(delivery?.sealedSecret ?? '', at.job)).toBe('callback');
      const endpoint = await endpoints.findOne({ _id: id });
      const opened = endpoint?.secrets.map(({ sealed }) => fresh.open(sealed, at.endpoint));
      expect(opened).toEqual(['present', 'former']);
      const reports = await secrets.reportSecrets(ADMIN);
      expect(reports.find((report) => report.keyId === keyIdOf(oldKey))?.sealed).toBe(0);
      // What comes after this has master keys of its own.
      for (const one of [keys, jobs, deliveries, endpoints]) await (one as typeof keys).deleteMany({});
    };
    return { work, afterwards: work, holds };
  },
  'count a call': async (harness, { accountId }) => {
    const { operations } = mortalAccess(harness);
    const caller = anAccountCaller({ accountId, plan: 'basic' });
    const work = () => operations.checkRateLimit(caller, UNKNOWN_SENDER, { api: 'graphql' });
    let asked = 1;
    const afterwards = async (died: boolean) => {
      if (!died) return;
      asked += 1;
      await work();
    };
    const holds = async () => {
      const { usedToday } = await operations.readUsage(caller, UNKNOWN_SENDER);
      expect(usedToday).toBeGreaterThanOrEqual(1);
      expect(usedToday).toBeLessThanOrEqual(asked);
    };
    return { work, afterwards, holds };
  },
};
