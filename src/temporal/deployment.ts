import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Log } from '../log.ts';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

/** What the server answers where worker deployments are not known, or not allowed. */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
/** TASK_QUEUE_TYPE_WORKFLOW of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** A worker asks for work at least once a minute: after this much silence it has gone. */
const SILENCE_MS = 90_000;
/** The server learns of a build by its first poll, a moment after that. */
const KNOWN_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 200;

export interface BuildOptions {
  /** Kiln's own version. */
  release: string;
  /** As the operator names the build; otherwise it is named by its code. */
  buildId: string | undefined;
  log: Log;
}

/** One build among those whose workers may be up at the same time. */
export interface Build {
  version: { deploymentName: string; buildId: string };
  /**
   * Sees to it that the newest build whose workers are up gets the work: makes this one current when no
   * other is, when the server has known that one for longer, or when that one asks for no work any more.
   */
  takeOver(signal: AbortSignal, silenceMs?: number): Promise<void>;
}

/** Names the build, unless the server knows no worker deployments: then workers go without. */
export async function createBuild(
  temporal: Temporal,
  queuePrefix: string,
  code: string,
  { release, buildId = `${release}-${digestOf(code)}`, log }: BuildOptions,
): Promise<Build | undefined> {
  const version = { deploymentName: queuePrefix, buildId };
  try {
    await describe(temporal, queuePrefix);
  } catch (error) {
    if (!hasStatus(error, UNIMPLEMENTED, PERMISSION_DENIED)) throw error;
    log.warn(
      { reason: error.details },
      'Temporal refuses worker deployments: old and new workers share all jobs',
    );
    return undefined;
  }
  return {
    version,
    async takeOver(signal, silenceMs = SILENCE_MS) {
      const until = Date.now() + KNOWN_WITHIN_MS;
      while (!signal.aborted && Date.now() < until) {
        const known = await describe(temporal, queuePrefix);
        const since = known?.builds.get(buildId);
        if (known && since !== undefined) return claim({ ...known, since, silenceMs });
        await setTimeout(ASK_AGAIN_MS);
      }
    },
  };

  /** Leaves the work to another build that is newer and up; of two that claim it at once, one fails. */
  async function claim({ current, builds, conflictToken, since, silenceMs }: Claim): Promise<void> {
    if (current === buildId) return;
    const isOlder = since <= (builds.get(current) ?? 0);
    if (isOlder && (await isPolling(temporal, queuePrefix, current, silenceMs))) return;
    const { namespace, connection } = temporal;
    await connection.workflowService.setWorkerDeploymentCurrentVersion({
      ...{ namespace, ...version, conflictToken, ignoreMissingTaskQueues: true },
    });
    log.info({ buildId, before: current }, 'this build gets the work now');
  }
}

/** What the server knows of the builds of a deployment. */
interface Builds {
  /** Empty while none is. */
  current: string;
  /** Since when the server knows each of them. */
  builds: ReadonlyMap<string, number>;
  conflictToken: Uint8Array;
}

interface Claim extends Builds {
  since: number;
  silenceMs: number;
}

/**
 * The same for the same code, wherever it is installed: the map to the sources names folders, and the order
 * of modules follows them.
 */
function digestOf(code: string): string {
  const [program = ''] = code.split('\n//# sourceMappingURL');
  return createHash('sha256').update(program.split('\n').sort().join('\n')).digest('hex').slice(0, 12);
}

async function describe(
  { connection, namespace }: Temporal,
  deploymentName: string,
): Promise<Builds | undefined> {
  try {
    const { workerDeploymentInfo: info, conflictToken } =
      await connection.workflowService.describeWorkerDeployment({ namespace, deploymentName });
    const builds = (info?.versionSummaries ?? []).map(
      ({ deploymentVersion, createTime }) => [deploymentVersion?.buildId ?? '', toMs(createTime)] as const,
    );
    const current = info?.routingConfig?.currentDeploymentVersion?.buildId ?? '';
    return { current, builds: new Map(builds), conflictToken };
  } catch (error) {
    if (hasStatus(error, NOT_FOUND)) return undefined;
    throw error;
  }
}

/** Whether any worker of this build has asked for work lately. */
async function isPolling(
  { connection, namespace }: Temporal,
  queuePrefix: string,
  buildId: string,
  silenceMs: number,
): Promise<boolean> {
  const { jobs, webhook } = queuesOf(queuePrefix);
  const answers = await Promise.all(
    [jobs, webhook].map((name) =>
      connection.workflowService.describeTaskQueue({
        ...{ namespace, taskQueue: { name }, taskQueueType: WORKFLOW_TASKS },
      }),
    ),
  );
  return answers
    .flatMap(({ pollers }) => pollers)
    .filter(({ deploymentOptions }) => deploymentOptions?.buildId === buildId)
    .some(({ lastAccessTime }) => toMs(lastAccessTime) > Date.now() - silenceMs);
}

function toMs(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;
}

function hasStatus(error: unknown, ...codes: number[]): error is { details: string } {
  return isGrpcServiceError(error) && codes.includes(error.code);
}
