import type { ErrorCode } from '../../domain/errors.ts';
import type { EngineName, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ConvertOutcome, MediaInfo } from '../converter.ts';
import type { EngineLimits } from './engine-limits.ts';

/** A task for an engine process, which runs one at a time. */
export type EngineTask =
  | { kind: 'describe'; engine: EngineName }
  | { kind: 'probe'; engine: EngineName; source: FormatId; inputPath: string; limits: EngineLimits }
  | {
      kind: 'convert';
      engine: EngineName;
      step: ConvertStep;
      inputPath: string;
      outputPath: string;
      limits: EngineLimits;
    };

/** The result of each kind of task. */
export interface EngineResults {
  describe: { version: string };
  probe: MediaInfo;
  convert: ConvertOutcome;
}

/** A KilnError as it is sent to the owner; `detail` describes its cause, for the log only. */
export interface SerializedError {
  code: ErrorCode;
  message: string;
  field?: string;
  hint?: string;
  detail?: string;
}

/** What an engine process sends for a task: any number of progress messages, then `done` or `failed`. */
export type EngineMessage =
  | { progress: number }
  | { done: EngineResults[EngineTask['kind']] }
  | {
      failed: SerializedError;
      /** Whether the process must not be used again. */
      unfit: boolean;
    };
