import { FORMATS, requireFormat } from '../domain/formats/find-format.ts';
import type { EngineName, Format, FormatId } from '../domain/formats/format.ts';
import type { ConvertStep } from '../domain/jobs/plan.ts';
import type { Converter, FileFacts } from './converter.ts';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './process/engine-limits.ts';
import { createHostPool, type HostPool, type HostPoolSettings } from './process/host-pool.ts';
import { type ConverterRegistry, createConverterRegistry, firstThatSupports } from './registry.ts';

/** What the service is told about its engines. */
export interface ConverterSettings extends Pick<HostPoolSettings, 'log' | 'program' | 'recycleAfter'> {
  /** Processes that convert side by side. */
  hosts: number;
  /** What is left out keeps its default. */
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
  /** Header facts, judged by the limits; throws what convert() would throw for them. */
  probe(source: FormatId, inputPath: string, signal: AbortSignal): Promise<FileFacts>;
  supports(source: FormatId, target: FormatId): boolean;
  describeEngines(): Promise<EngineDescription[]>;
  /** Starts the hosts before the first user comes. */
  warm(): Promise<void>;
  /** Process ids of the engine hosts. */
  pids(): number[];
  close(): Promise<void>;
}

const ENGINES: readonly EngineName[] = ['sharp', 'magick'];

/** Builds the converters on one pool of engine hosts. */
export function createConverters({ hosts, limits, ...rest }: ConverterSettings): Converters {
  const engineLimits = { ...DEFAULT_ENGINE_LIMITS, ...limits };
  const pool = createHostPool({ ...rest, size: hosts, limits: engineLimits });
  const converters = ENGINES.map((engine) => createHostedConverter(engine, pool, engineLimits));
  return {
    ...createConverterRegistry(converters),
    probe: (source, inputPath, signal) =>
      firstThatSupports(requireFormat(source).readers, (engine) =>
        pool.run({ kind: 'probe', engine, source, inputPath, limits: engineLimits }, { signal }),
      ),
    supports: (source, target) =>
      ENGINES.some((engine) => handles(engine, requireFormat(source), requireFormat(target))),
    describeEngines: () => Promise.all(ENGINES.map((engine) => describeEngine(engine, pool))),
    warm: () => pool.warm(ENGINES.map((engine) => ({ kind: 'describe', engine }))),
    pids: () => pool.pids(),
    close: () => pool.close(),
  };
}

function createHostedConverter(engine: EngineName, pool: HostPool, limits: EngineLimits): Converter {
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

/** magick uses sharp for one half of a pair, so one half of its own is enough. */
function handles(engine: EngineName, source: Format, target: Format): boolean {
  const reads = source.readers.includes(engine);
  const writes = target.writers.includes(engine);
  if (engine === 'sharp') return reads && writes;
  return source.readers.length > 0 && target.writers.length > 0 && (reads || writes);
}

async function describeEngine(engine: EngineName, pool: HostPool): Promise<EngineDescription> {
  const { version } = await pool.run({ kind: 'describe', engine }, { signal: new AbortController().signal });
  const formats = [...FORMATS.values()];
  return {
    name: engine,
    version,
    reads: formats.filter(({ readers }) => readers.includes(engine)).map(({ id }) => id),
    writes: formats.filter(({ writers }) => writers.includes(engine)).map(({ id }) => id),
  };
}
