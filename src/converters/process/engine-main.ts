import { stat } from 'node:fs/promises';
import { KilnError } from '../../domain/errors.ts';
import type { EngineName } from '../../domain/formats/format.ts';
import type { ConvertOutcome } from '../converter.ts';
import type { Engine } from './engine.ts';
import { isBreakdown } from './engine-error.ts';
import type { EngineMessage, EngineResults, EngineTask, SerializedError } from './engine-messages.ts';

/**
 * The program of one engine process. It shares no memory with the service, so that a decoder crashed or taken
 * over by a file does no harm there. Runs one task at a time; the owner kills this process to stop one.
 */
const engines = new Map<EngineName, Promise<Engine>>();

/** Loads each engine; an import at the top would load all of them into every process. */
const ENGINES: Readonly<Record<EngineName, () => Promise<Engine>>> = {
  sharp: async () => (await import('../image/sharp.ts')).createSharpEngine(),
  magick: async () => (await import('../image/magick.ts')).createMagickEngine(),
};

process.on('message', (task: EngineTask) => {
  perform(task)
    .then((done) => send({ done }))
    .catch((error: unknown) => send({ failed: serialize(error), unfit: isUnfit(error) }));
});
// Ignores a Ctrl-C, which the whole process group gets: the owner lets running conversions finish first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
// Ends with the owner, however that ends.
process.on('disconnect', () => process.exit());

async function perform(task: EngineTask): Promise<EngineResults[EngineTask['kind']]> {
  const engine = await engineOf(task.engine);
  if (task.kind === 'describe') return { version: engine.version };
  if (task.kind === 'probe') return engine.probe(task.source, task.inputPath, task.limits);
  return convert(engine, task);
}

async function convert(engine: Engine, task: EngineTask & { kind: 'convert' }): Promise<ConvertOutcome> {
  const { step, inputPath, outputPath, limits } = task;
  const onProgress = (progress: number) => send({ progress });
  const started = performance.now();
  const outcome = await engine.convert(step, { inputPath, outputPath, limits, onProgress });
  const engineMs = performance.now() - started;
  const { size } = await stat(outputPath);
  if (size > limits.maxOutputBytes)
    throw new KilnError(
      'RESOURCE_LIMIT',
      `The result has ${size} bytes; at most ${limits.maxOutputBytes} are allowed (KILN_LIMIT_UPLOAD_BYTES).`,
    );
  return { ...outcome, engineMs: Math.round(engineMs * 10) / 10 };
}

/** Loads an engine at first use, so that WebAssembly costs nothing until the first HEIC. */
function engineOf(name: EngineName): Promise<Engine> {
  const engine = engines.get(name) ?? ENGINES[name]();
  engines.set(name, engine);
  return engine;
}

function isUnfit(error: unknown): boolean {
  return !(error instanceof KilnError) || isBreakdown(error.cause);
}

function serialize(error: unknown): SerializedError {
  if (!(error instanceof KilnError)) {
    return { code: 'INTERNAL', message: 'The conversion failed unexpectedly.', detail: String(error) };
  }
  const { code, message, field, hint, cause } = error;
  return {
    code,
    message,
    ...(field === undefined ? {} : { field }),
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { detail: String(cause) }),
  };
}

function send(message: EngineMessage): void {
  process.send?.(message);
}
