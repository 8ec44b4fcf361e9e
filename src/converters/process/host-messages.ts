import type { ErrorCode } from '../../domain/errors.ts';
import type { EngineName, FormatId } from '../../domain/formats/format.ts';
import type { ConvertStep } from '../../domain/jobs/plan.ts';
import type { ConvertOutcome, FileFacts } from '../converter.ts';
import type { EngineLimits } from './engine-limits.ts';

/** What a host is asked to do, one at a time. */
export type HostTask =
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

/** What each kind of task answers. */
export interface HostResults {
  describe: { version: string };
  probe: FileFacts;
  convert: ConvertOutcome;
}

/** An error without what must not leave the host; `detail` is for the log only. */
export interface HostFault {
  code: ErrorCode;
  message: string;
  field?: string;
  hint?: string;
  detail?: string;
}

/** What a host says: any number of progress messages, then one end. */
export type HostMessage =
  | { progress: number }
  | { done: HostResults[HostTask['kind']] }
  | {
      failed: HostFault;
      /** The host must not be used again. */
      unfit: boolean;
    };
