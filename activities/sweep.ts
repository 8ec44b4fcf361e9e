import type { Capabilities } from '../src/app/app.ts';
import type { SweepStep, Swept } from '../src/domain/files/retention.ts';
import { whileHeartbeating } from './heartbeat.ts';

/** Removes one page of what has had its time. */
export function createSweepActivity({ sweep }: Pick<Capabilities, 'sweep'>) {
  return (step: SweepStep): Promise<Swept> => whileHeartbeating(() => sweep(step));
}
