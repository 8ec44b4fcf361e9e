import type { ConvertStep } from '../domain/jobs/plan.ts';

/** What a file's header says. */
export interface MediaInfo {
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  /** Frames of an animation or pages of a multi-page image. */
  frames?: number;
  hasAlpha?: boolean;
  /** Bits a channel, 16 or 32 for half and whole floating-point numbers. */
  bitDepth?: number;
  /** Length of sound or video in seconds, on which its price depends. */
  seconds?: number;
}

export interface ConvertIo {
  /** Must not be written to. The name is Kiln's, never one that a user chose. */
  inputPath: string;
  /** Does not exist yet; must exist when convert() resolves. */
  outputPath: string;
  signal: AbortSignal;
  /** Receives 0 to 100 within this step. */
  onProgress?: (percent: number) => void;
}

export interface ConvertOutcome {
  /** Name and version of what did the work, for example "sharp 0.35.5 (libvips 8.18.7)". */
  engine: string;
  /** Milliseconds of the engine's work, without waiting for it. */
  engineMs: number;
  input: MediaInfo;
  output: MediaInfo;
  /** Sentences for the user about what the conversion lost or assumed. */
  warnings: string[];
}

/**
 * Converts some pairs of formats. `convert` throws KilnError; with NOT_SUPPORTED or CORRUPT_INPUT the registry
 * tries the next converter.
 */
export interface Converter {
  readonly name: string;
  accepts(step: ConvertStep): boolean;
  convert(step: ConvertStep, io: ConvertIo): Promise<ConvertOutcome>;
}
