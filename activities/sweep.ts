import type { SweepStep, Swept } from '../src/domain/files/retention.ts';
import { whileHeartbeating } from './heartbeat.ts';

export interface SweepPorts {
  sweep(step: SweepStep): Promise<Swept>;
}

/** Builds `sweep`, which removes one page of expired things. */
export function createSweepActivity({ sweep }: SweepPorts) {
  return (step: SweepStep): Promise<Swept> => whileHeartbeating(() => sweep(step));
}
