import type { EngineName, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ConvertOutcome, MediaInfo } from '../converter.ts';
import type { EngineLimits } from './engine-limits.ts';

/** Where one engine call reads and writes. */
export interface EngineIo {
  inputPath: string;
  outputPath: string;
  limits: EngineLimits;
  onProgress(percent: number): void;
}

/** What an engine reports; its process adds the time. */
export type EngineOutcome = Omit<ConvertOutcome, 'engineMs'>;

/** A library inside an engine process. Throws KilnError for what a user can understand. */
export interface Engine {
  readonly name: EngineName;
  /** Name and version as shown to users. */
  readonly version: string;
  probe(source: FormatId, inputPath: string, limits: EngineLimits): Promise<MediaInfo>;
  convert(step: ConvertStep, io: EngineIo): Promise<EngineOutcome>;
}
