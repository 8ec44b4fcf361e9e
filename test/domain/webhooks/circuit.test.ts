import { describe, expect, it } from 'vitest';
import {
  afterFailure,
  afterSuccess,
  allowRequest,
  type Circuit,
  circuitState,
  closedCircuit,
  isGivenUp,
  OPENS_AFTER,
} from '../../../src/domain/webhooks/circuit.ts';

const MINUTE = 60_000;
const start = new Date('2026-01-01T00:00:00Z');
const later = (ms: number) => new Date(start.getTime() + ms);

function failing(times: number): Circuit {
  let circuit = closedCircuit();
  for (let i = 0; i < times; i += 1) circuit = afterFailure(circuit, 'a', start);
  return circuit;
}

describe('a circuit', () => {
  it('stays closed until too many attempts failed in a row', () => {
    expect(allowRequest(failing(OPENS_AFTER - 1), 'b', start)).toEqual({ allowed: true, claim: null });
    expect(circuitState(failing(OPENS_AFTER - 1), start)).toBe('closed');
    expect(allowRequest(failing(OPENS_AFTER), 'b', start)).toEqual({ allowed: false, waitMs: MINUTE });
    expect(circuitState(failing(OPENS_AFTER), start)).toBe('open');
    expect(allowRequest(afterFailure(afterSuccess(failing(9)), 'a', start), 'b', start)).toMatchObject({
      allowed: true,
    });
  });

  it('is not kept open longer by attempts that were under way when it opened', () => {
    const open = failing(OPENS_AFTER);
    const straggler = afterFailure(open, 'late', later(1000));
    expect(straggler).toMatchObject({ probeAt: open.probeAt, failures: OPENS_AFTER + 1, waitMs: MINUTE });
  });

  it('gives one delivery its turn, and the same one again', () => {
    const due = allowRequest(failing(OPENS_AFTER), 'probe', later(MINUTE));
    const probing = due.allowed && due.claim ? due.claim : closedCircuit();
    expect(circuitState(probing, later(MINUTE))).toBe('half_open');
    expect(allowRequest(probing, 'other', later(MINUTE + 1))).toMatchObject({ allowed: false });
    expect(allowRequest(probing, 'probe', later(MINUTE + 1))).toEqual({ allowed: true, claim: null });
    expect(allowRequest(probing, 'other', later(2 * MINUTE))).toMatchObject({ allowed: true });
    expect(afterFailure(probing, 'probe', later(MINUTE))).toMatchObject({
      probing: null,
      waitMs: 2 * MINUTE,
      probeAt: later(3 * MINUTE),
    });
    expect(afterSuccess(probing)).toEqual(closedCircuit(probing.version + 1));
  });

  it('waits twice as long after each failed probe, up to an hour', () => {
    const waits: number[] = [];
    let circuit = failing(OPENS_AFTER);
    for (let probe = 0; probe < 8; probe += 1) {
      const now = circuit.probeAt ?? start;
      const due = allowRequest(circuit, 'probe', now);
      circuit = afterFailure(due.allowed && due.claim ? due.claim : closedCircuit(), 'probe', now);
      waits.push(circuit.waitMs / MINUTE);
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('may be tried from its moment on, and says so', () => {
    const open = failing(OPENS_AFTER);
    expect(circuitState(open, later(MINUTE - 1))).toBe('open');
    expect(circuitState(open, later(MINUTE))).toBe('half_open');
    expect(allowRequest(open, 'probe', later(MINUTE - 1))).toEqual({ allowed: false, waitMs: 1 });
    expect(allowRequest(open, 'probe', later(MINUTE))).toEqual({
      allowed: true,
      claim: { ...open, probing: 'probe', probeAt: later(2 * MINUTE), version: open.version + 1 },
    });
  });

  it('remembers since when it fails, and a new version of each change', () => {
    const twice = afterFailure(afterFailure(closedCircuit(), 'a', start), 'b', later(5));
    expect(twice).toMatchObject({ failures: 2, failingSince: start, version: 2 });
  });

  it('is given up after five days without a success', () => {
    const day = 24 * 60 * MINUTE;
    expect(isGivenUp(failing(1), later(5 * day - 1))).toBe(false);
    expect(isGivenUp(failing(1), later(5 * day))).toBe(true);
    expect(isGivenUp(closedCircuit(), later(100 * day))).toBe(false);
  });
});
