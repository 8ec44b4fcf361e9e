import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Log } from '../log.ts';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

/** gRPC statuses. The last two are the answers where worker deployments are unknown or not allowed. */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
/** TASK_QUEUE_TYPE_WORKFLOW of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** A worker polls at least once a minute: after this much silence it counts as gone. */
const SILENCE_MS = 90_000;
/** The server knows a build a moment after its first poll. */
const KNOWN_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 200;

export interface BuildOptions {
  /** Kiln's own version. */
  release: string;
  /** The operator's name of the build; if undefined it is named by its code. */
  buildId: string | undefined;
  log: Log;
}

/** One build among those whose workers may be up at the same time. */
export interface Build {
  version: { deploymentName: string; buildId: string };
  /**
   * Makes this build current, unless another is current that is newer and still polls. So the newest build whose
   * workers are up gets the work. Gives up after ten seconds if the server does not know this build.
   */
  takeOver(signal: AbortSignal, silenceMs?: number): Promise<void>;
}

/** Names the build. Returns undefined if the server refuses worker deployments: workers then go without. */
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

  /**
   * Makes this build current, unless a newer one is up. Of two that claim at once, one fails by the conflict
   * token.
   */
  async function claim({ current, builds, conflictToken, since, silenceMs }: Claim): Promise<void> {
    if (current === buildId) return;
    const isOlder = since <= (builds.get(current) ?? 0);
    if (isOlder && (await isPolling(temporal, queuePrefix, current, silenceMs))) return;
    const { namespace, connection } = temporal;
    await connection.workflowService.setWorkerDeploymentCurrentVersion({
      namespace,
      ...version,
      conflictToken,
      ignoreMissingTaskQueues: true,
    });
    log.info({ buildId, before: current }, 'this build gets the work now');
  }
}

/** The builds of a deployment that the server knows. */
interface Builds {
  /** Id of the current build; empty if there is none. */
  current: string;
  /** When the server came to know each build, in milliseconds since 1970. */
  builds: ReadonlyMap<string, number>;
  conflictToken: Uint8Array;
}

interface Claim extends Builds {
  since: number;
  silenceMs: number;
}

/**
 * Returns a digest that is the same for the same code wherever it is installed. Leaves out the source map, which
 * names folders, and sorts the lines, since the order of modules follows folders.
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

/** Whether any worker of a build has polled within the last `silenceMs`. */
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
        namespace,
        taskQueue: { name },
        taskQueueType: WORKFLOW_TASKS,
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
