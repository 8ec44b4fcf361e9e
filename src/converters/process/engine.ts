import type { EngineName, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ConvertOutcome, FileFacts } from '../converter.ts';
import type { EngineLimits } from './engine-limits.ts';

/** Where one engine call reads and writes. */
export interface EngineIo {
  inputPath: string;
  outputPath: string;
  limits: EngineLimits;
  onProgress(percent: number): void;
}

/** What an engine reports; its host adds the time. */
export type EngineOutcome = Omit<ConvertOutcome, 'engineMs'>;

/** A library inside an engine host. Throws KilnError for what a user can understand. */
export interface Engine {
  readonly name: EngineName;
  /** As shown to users. */
  readonly version: string;
  probe(source: FormatId, inputPath: string, limits: EngineLimits): Promise<FileFacts>;
  convert(step: ConvertStep, io: EngineIo): Promise<EngineOutcome>;
}
