import type { ConvertStep } from '../domain/jobs/plan.ts';

/** What is known about a file after its header was read; pixels for images, seconds for media. */
export interface FileFacts {
  width?: number;
  height?: number;
  /** Frames of an animation or pages of a multi-page image. */
  frames?: number;
  hasAlpha?: boolean;
  /** Length of sound or moving pictures; their price depends on it. */
  seconds?: number;
}

export interface ConvertIo {
  /** Read-only; never under a name that a user chose. */
  inputPath: string;
  /** Does not exist yet; must exist when convert() resolves. */
  outputPath: string;
  signal: AbortSignal;
  /** 0 to 100 within this step. */
  onProgress?: (percent: number) => void;
}

export interface ConvertOutcome {
  /** Name and version of what did the work, for example "sharp 0.35.5 (libvips 8.18.7)". */
  engine: string;
  /** Milliseconds that the engine itself worked, without queueing. */
  engineMs: number;
  input: FileFacts;
  output: FileFacts;
  /** Sentences for the user about what was lost or assumed. */
  warnings: string[];
}

/**
 * One way of turning one format into another.
 * Throws KilnError; NOT_SUPPORTED lets the registry try the next candidate.
 */
export interface Converter {
  readonly name: string;
  accepts(step: ConvertStep): boolean;
  convert(step: ConvertStep, io: ConvertIo): Promise<ConvertOutcome>;
}
