import type { ChildProcess } from 'node:child_process';
import { KilnError } from '../../domain/errors.ts';
import type { EngineLimits } from './engine-limits.ts';
import type { HostFault, HostMessage, HostResults, HostTask } from './host-messages.ts';
import {
  collectDiagnostics,
  type HostSettings,
  residentBytes,
  spawnHost,
  watchMemory,
} from './host-process.ts';

/** What surrounds one task. */
export interface TaskContext {
  signal: AbortSignal;
  onProgress?: ((percent: number) => void) | undefined;
}

/** One warm process with engines in it. */
export interface Host {
  readonly pid: number;
  /** False once it has ended or is about to. */
  readonly alive: boolean;
  /** One at a time; abort, deadline and memory limit kill the process. */
  run<T extends HostTask>(task: T, context: TaskContext): Promise<HostResults[T['kind']]>;
  /** Resident bytes now; 0 where the system does not say. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a host; it is usable at once and answers when it is up. */
export function startHost(settings: HostSettings): Host {
  const child = spawnHost(settings);
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

async function runTask<T extends HostTask>(task: T, { signal, onProgress }: TaskContext, running: Running) {
  const { child, limits, kill, ended, crashed } = running;
  const { promise, resolve, reject } = Promise.withResolvers<HostResults[T['kind']]>();
  let settled = false;
  const end = (error: KilnError) => {
    // The memory watch may look once more after the task; the next one must not pay for that.
    if (settled) return;
    reject(error);
    kill();
  };
  const onEnd = () => reject(crashed());
  const onMessage = (message: HostMessage) => {
    if ('progress' in message) onProgress?.(message.progress);
    // The host answers with the result that belongs to the kind of the task.
    else if ('done' in message) resolve(message.done as HostResults[T['kind']]);
    else if (message.unfit) end(asError(message.failed));
    else reject(asError(message.failed));
  };
  const onAbort = () =>
    end(new KilnError('CANCELLED', 'The conversion was cancelled.', { cause: signal.reason }));
  const deadline = setTimeout(() => end(tooSlow(limits)), limits.timeoutMs);
  const watch = watchMemory(child, limits.maxMemoryBytes, () => end(tooMuchMemory()));
  child.on('message', onMessage).once('close', onEnd);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    else child.send(task, (error) => error && onEnd());
    return await promise;
  } catch (error) {
    // A killed host may still be writing: its files are the caller's again only once it is gone.
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

function tooMuchMemory(): KilnError {
  return new KilnError('RESOURCE_LIMIT', 'The conversion needs more memory than is allowed.');
}

function tooSlow({ timeoutMs }: EngineLimits): KilnError {
  return new KilnError(
    'ENGINE_TIMEOUT',
    `The conversion took longer than ${Math.ceil(timeoutMs / 1000)} seconds.`,
  );
}

function crash({ exitCode, signalCode }: ChildProcess, diagnostics: string): KilnError {
  const how = signalCode ?? `exit code ${exitCode}`;
  return new KilnError('ENGINE_CRASHED', 'The conversion program ended unexpectedly.', {
    cause: new Error(`engine host ended by ${how}: ${diagnostics}`),
  });
}

function asError({ code, message, field, hint, detail }: HostFault): KilnError {
  return new KilnError(code, message, {
    ...(field === undefined ? {} : { field }),
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { cause: new Error(detail) }),
  });
}
