import { FORMATS, requireFormat } from '../domain/formats/find-format.ts';
import { ENGINE_NAMES, type EngineName, type Format, type FormatId } from '../domain/formats/format.ts';
import type { ConvertStep } from '../domain/jobs/plan.ts';
import type { Converter, MediaInfo } from './converter.ts';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './process/engine-limits.ts';
import { createEnginePool, type EnginePool, type EnginePoolSettings } from './process/engine-pool.ts';
import { type ConverterRegistry, createConverterRegistry, firstThatSupports } from './registry.ts';

/** Settings of the engine processes. */
export interface ConverterSettings extends Pick<EnginePoolSettings, 'log' | 'program' | 'recycleAfter'> {
  /** How many engine processes convert at the same time. */
  processes: number;
  /** A limit that is absent keeps its default. */
  limits?: Partial<EngineLimits>;
}

/** One engine as `kiln doctor` shows it. */
export interface EngineDescription {
  name: EngineName;
  version: string;
  reads: FormatId[];
  writes: FormatId[];
}

/** Every conversion that this process can do. */
export interface Converters extends ConverterRegistry {
  /** Reads a file's header and checks it against the limits. Throws what convert() would throw for it. */
  probe(source: FormatId, inputPath: string, signal: AbortSignal): Promise<MediaInfo>;
  supports(source: FormatId, target: FormatId): boolean;
  describeEngines(): Promise<EngineDescription[]>;
  /** Starts all engine processes, so that the first job does not wait for one. */
  warm(): Promise<void>;
  /** Returns the process ids of the engine processes. */
  pids(): number[];
  close(): Promise<void>;
}

/** Builds the converters on one pool of engine processes. */
export function createConverters({ processes, limits, ...rest }: ConverterSettings): Converters {
  const engineLimits = { ...DEFAULT_ENGINE_LIMITS, ...limits };
  const pool = createEnginePool({ ...rest, size: processes, limits: engineLimits });
  const converters = ENGINE_NAMES.map((engine) => createEngineConverter(engine, pool, engineLimits));
  return {
    ...createConverterRegistry(converters),
    probe: (source, inputPath, signal) =>
      firstThatSupports(requireFormat(source).readers, (engine) =>
        pool.run({ kind: 'probe', engine, source, inputPath, limits: engineLimits }, { signal }),
      ),
    supports: (source, target) =>
      ENGINE_NAMES.some((engine) => handles(engine, requireFormat(source), requireFormat(target))),
    describeEngines: () => Promise.all(ENGINE_NAMES.map((engine) => describeEngine(engine, pool))),
    warm: () => pool.warm(ENGINE_NAMES.map((engine) => ({ kind: 'describe', engine }))),
    pids: () => pool.pids(),
    close: () => pool.close(),
  };
}

function createEngineConverter(engine: EngineName, pool: EnginePool, limits: EngineLimits): Converter {
  return {
    name: engine,
    accepts: ({ source, target }: ConvertStep) =>
      handles(engine, requireFormat(source), requireFormat(target)),
    async convert(step, { inputPath, outputPath, signal, onProgress }) {
      onProgress?.(0);
      const outcome = await pool.run(
        { kind: 'convert', engine, step, inputPath, outputPath, limits },
        { signal, onProgress },
      );
      onProgress?.(100);
      return outcome;
    },
  };
}

/**
 * Whether an engine converts a pair of formats. magick leaves one side to sharp if it handles the other
 * itself.
 */
function handles(engine: EngineName, source: Format, target: Format): boolean {
  const reads = source.readers.includes(engine);
  const writes = target.writers.includes(engine);
  if (engine !== 'magick') return reads && writes;
  return source.readers.length > 0 && target.writers.length > 0 && (reads || writes);
}

async function describeEngine(engine: EngineName, pool: EnginePool): Promise<EngineDescription> {
  const { version } = await pool.run({ kind: 'describe', engine }, { signal: new AbortController().signal });
  const formats = [...FORMATS.values()];
  return {
    name: engine,
    version,
    reads: formats.filter(({ readers }) => readers.includes(engine)).map(({ id }) => id),
    writes: formats.filter(({ writers }) => writers.includes(engine)).map(({ id }) => id),
  };
}
