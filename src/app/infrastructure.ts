import { join } from 'node:path';
import type { BlobStore } from '../blobs/blob-store.ts';
import { createDiskBlobStore } from '../blobs/disk.ts';
import { createScratch } from '../blobs/scratch.ts';
import type { Config } from '../config.ts';
import { type Converters, createConverters } from '../converters/converters.ts';
import type { Dialect } from '../domain/dialect.ts';
import { createLog, type Log } from '../log.ts';
import { createHttpSender } from '../net/fetch.ts';
import { createGuard } from '../net/guard.ts';
import { createJsonFetcher } from '../net/json.ts';
import { watchMasterKey } from '../operations/access/secrets.ts';
import { createUploadedFiles } from '../operations/files/uploaded-files.ts';
import { createBestEffortRunner } from '../operations/jobs/best-effort-runner.ts';
import { createConfirmStarts } from '../operations/jobs/confirm-starts.ts';
import type { WorkflowRunner } from '../operations/workflow-runner.ts';
import { createEnvelopeSealer } from '../secrets/envelope.ts';
import { createKeyring } from '../secrets/keyring.ts';
import { createLinks } from '../secrets/links.ts';
import { createTokenSigner } from '../secrets/signed-token.ts';
import { connectMongo } from '../store/mongo/mongo.ts';
import { connectTemporal } from '../temporal/connect.ts';
import { createWorkflowRunner } from '../temporal/runner.ts';
import { createRepositories, type Repositories } from './repositories.ts';

/** Kiln's own version, as sent to receivers and shown by `kiln doctor`. */
export const KILN_VERSION = '0.1.0';

/** Where the engines are, embedded ones or the operator's, and the secrets that go with them. */
export interface Endpoints {
  mongoUri: string;
  temporalAddress: string;
  masterKeys: Uint8Array[];
  /** Opens the admin part; without one it stays closed. */
  adminToken: string | undefined;
  /** Ports that outgoing requests never reach, whatever network is allowed. */
  refusedPorts: readonly number[];
}

export interface InfrastructureParts extends Omit<Endpoints, 'mongoUri' | 'temporalAddress'> {
  config: Config;
  log: Log;
  repositories: Repositories;
  runner: WorkflowRunner;
  /** Those of `config` unless given. */
  blobs?: BlobStore;
  converters?: Converters;
}

/** The bag that every slice gets: settings, repositories, and what reaches the world. */
export type Infrastructure = ReturnType<typeof createInfrastructure>;

/** Builds the bag over any repositories and any workflow runner, so that tests may bring theirs. */
export function createInfrastructure({
  config,
  log,
  repositories,
  runner,
  masterKeys,
  adminToken,
  refusedPorts,
  blobs = createDiskBlobStore(join(config.dataDir, 'blobs')),
  converters = createConverters(converterSettings(config)),
}: InfrastructureParts) {
  const keyring = createKeyring(masterKeys);
  const sealer = createEnvelopeSealer(keyring);
  const signer = createTokenSigner(keyring);
  const guard = createGuard({ allowedNetworks: config.allowedNetworks, refusedPorts: () => refusedPorts });
  const sender = createHttpSender({ guard, version: KILN_VERSION });
  const { fileMs } = config.retention;
  return {
    ...repositories,
    /** With those that are still to be made of a finalized upload. */
    files: createUploadedFiles({ ...repositories, blobs, fileMs }),
    blobs,
    scratch: createScratch(join(config.dataDir, 'scratch')),
    converters,
    runner,
    /** The same for whoever answers a caller. */
    notifier: createBestEffortRunner(runner, log),
    keyring,
    sealer,
    seal: sealer.seal,
    open: sealer.open,
    signer,
    links: createLinks(signer),
    adminToken,
    checkUrl: guard.checkUrl,
    sender,
    fetchJson: createJsonFetcher(sender),
    publicUrls: createPublicUrls(config),
    config,
    log,
    async close(): Promise<void> {
      await converters.close();
      sender.close();
    },
  };
}

/** Connects to the engines and builds the bag over them. What was opened is closed in reverse order. */
export async function openInfrastructure(config: Config, endpoints: Endpoints) {
  await using opening = new AsyncDisposableStack();
  const log = createLog(config.logLevel);
  const temporal = opening.adopt(
    await connectTemporal(config.temporal, endpoints.temporalAddress, log),
    closed,
  );
  const mongo = opening.adopt(await connectMongo(endpoints.mongoUri), closed);
  const repositories = opening.adopt(createRepositories(mongo.collections), closed);
  const workflows = createWorkflowRunner(temporal, config.temporal.queuePrefix);
  const { runner } = opening.adopt(createConfirmStarts({ ...repositories, log }, workflows), closed);
  const parts = { ...endpoints, config, log, repositories, runner };
  const infrastructure = opening.adopt(createInfrastructure(parts), closed);
  const { keyIds } = infrastructure.keyring;
  await repositories.plans.seed();
  opening.defer(await watchMasterKey({ ...repositories, keyIds, log }));
  const opened = opening.move();
  return {
    ...infrastructure,
    temporal,
    mongo,
    /** Rejects with the first part that does not answer. */
    async checkReady(): Promise<void> {
      await Promise.all([mongo.ping(), runner.ping()]);
    },
    close: () => opened.disposeAsync(),
  };
}

/** Closes what was opened; for `AsyncDisposableStack.adopt`. */
export async function closed(opened: { close(): unknown }): Promise<void> {
  await opened.close();
}

function converterSettings({ concurrency, limits }: Config) {
  return {
    processes: concurrency.image,
    limits: {
      maxPixels: limits.pixels,
      maxFrames: limits.frames,
      timeoutMs: limits.engineMs,
      maxMemoryBytes: limits.engineMemoryBytes,
      maxOutputBytes: limits.uploadBytes,
    },
  };
}

/** The bases of absolute URLs. Workers on other machines are told by configuration where the server listens. */
function createPublicUrls({ publicUrl, publicUrls, host, port }: Config) {
  let common = publicUrl ?? `http://${host}:${port}`;
  return {
    /** The origin of a dialect that has one of its own, else the common one. */
    of: (dialect?: Dialect): string => (dialect && publicUrls[dialect]) ?? common,
    /** Once the server listens at `bound`. */
    listenAt(bound: string): void {
      common = publicUrl ?? bound;
    },
  };
}
