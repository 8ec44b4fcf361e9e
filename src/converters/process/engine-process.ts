import type { ChildProcess } from 'node:child_process';
import { KilnError } from '../../domain/errors.ts';
import type { EngineLimits } from './engine-limits.ts';
import type { EngineMessage, EngineResults, EngineTask, SerializedError } from './engine-messages.ts';
import {
  collectDiagnostics,
  type EngineProcessSettings,
  residentBytes,
  spawnEngine,
  watchMemory,
} from './spawn-engine.ts';

/** How the caller of one task cancels it and follows its progress. */
export interface TaskContext {
  signal: AbortSignal;
  onProgress?: ((percent: number) => void) | undefined;
}

/** One process with engines in it. */
export interface EngineProcess {
  readonly pid: number;
  /** False once it has ended or has been killed. */
  readonly alive: boolean;
  /**
   * Runs one task; only one at a time. Abort, deadline and memory limit kill the process.
   * @throws KilnError CANCELLED, ENGINE_TIMEOUT, RESOURCE_LIMIT, ENGINE_CRASHED, or what the engine threw
   */
  run<T extends EngineTask>(task: T, context: TaskContext): Promise<EngineResults[T['kind']]>;
  /** Returns the resident memory in bytes; 0 where the system does not say. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts an engine process. Returns at once: a first task waits until it is up. */
export function startEngineProcess(settings: EngineProcessSettings): EngineProcess {
  const child = spawnEngine(settings);
  const diagnostics = collectDiagnostics(child);
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => resolve()).on('error', () => resolve()),
  );
  let alive = true;
  void ended.then(() => {
    alive = false;
  });

  function kill(): void {
    alive = false;
    child.kill('SIGKILL');
  }

  return {
    pid: child.pid ?? 0,
    get alive() {
      return alive;
    },
    run: (task, context) =>
      runTask(task, context, {
        child,
        limits: settings.limits,
        kill,
        ended,
        crashed: () => crash(child, diagnostics()),
      }),
    residentBytes: () => residentBytes(child.pid),
    async stop() {
      kill();
      await ended;
    },
  };
}

interface Running {
  child: ChildProcess;
  limits: EngineLimits;
  kill(): void;
  ended: Promise<void>;
  crashed(): KilnError;
}

async function runTask<T extends EngineTask>(task: T, { signal, onProgress }: TaskContext, running: Running) {
  const { child, limits, kill, ended, crashed } = running;
  const { promise, resolve, reject } = Promise.withResolvers<EngineResults[T['kind']]>();
  let settled = false;
  const end = (error: KilnError) => {
    // Ignores the memory watch if it reports after the task: the next task must not fail for that.
    if (settled) return;
    reject(error);
    kill();
  };
  const onEnd = () => reject(crashed());
  const onMessage = (message: EngineMessage) => {
    if ('progress' in message) onProgress?.(message.progress);
    // The cast holds because engine-main answers with the result of the task's kind.
    else if ('done' in message) resolve(message.done as EngineResults[T['kind']]);
    else if (message.unfit) end(deserialize(message.failed));
    else reject(deserialize(message.failed));
  };
  const onAbort = () =>
    end(new KilnError('CANCELLED', 'The conversion was cancelled.', { cause: signal.reason }));
  const deadline = setTimeout(() => end(tooSlow(limits)), limits.timeoutMs);
  const watch = watchMemory(child, limits.maxMemoryBytes, () => end(tooMuchMemory(limits)));
  child.on('message', onMessage).once('close', onEnd);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    else child.send(task, (error) => error && onEnd());
    return await promise;
  } catch (error) {
    // Waits for the end of a killed process, which may still be writing into the caller's files.
    if (child.killed) await ended;
    throw error;
  } finally {
    settled = true;
    clearTimeout(deadline);
    clearInterval(watch);
    child.off('message', onMessage).off('close', onEnd);
    signal.removeEventListener('abort', onAbort);
  }
}

function tooMuchMemory({ maxMemoryBytes }: EngineLimits): KilnError {
  return new KilnError(
    'RESOURCE_LIMIT',
    `The conversion needs more than the ${maxMemoryBytes / 2 ** 20} MiB of memory that are allowed (KILN_LIMIT_ENGINE_MEMORY_MB).`,
  );
}

function tooSlow({ timeoutMs }: EngineLimits): KilnError {
  return new KilnError(
    'ENGINE_TIMEOUT',
    `The conversion took longer than the ${Math.ceil(timeoutMs / 1000)} seconds that are allowed (KILN_LIMIT_ENGINE_SECONDS).`,
  );
}

function crash({ exitCode, signalCode }: ChildProcess, diagnostics: string): KilnError {
  const how = signalCode ?? `exit code ${exitCode}`;
  return new KilnError('ENGINE_CRASHED', 'The conversion program ended unexpectedly.', {
    cause: new Error(`engine process ended by ${how}: ${diagnostics}`),
  });
}

function deserialize({ code, message, field, hint, detail }: SerializedError): KilnError {
  return new KilnError(code, message, {
    ...(field === undefined ? {} : { field }),
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { cause: new Error(detail) }),
  });
}
