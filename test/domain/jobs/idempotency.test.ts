import { describe, expect, it } from 'vitest';
import { canonicalText, requireIdempotencyKey } from '../../../src/domain/jobs/idempotency.ts';

describe('an idempotency key', () => {
  it.each(['a', ' ', '~', 'x'.repeat(255)])('may be %j', (key) => {
    expect(requireIdempotencyKey(key)).toBe(key);
  });

  it.each(['', 'x'.repeat(256), 'é', 'a\n', 'a\u007f'])('may not be %j', (key) => {
    expect(() => requireIdempotencyKey(key)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'idempotencyKey' }),
    );
  });
});

describe('the text of a request', () => {
  it('is the same in whatever order its fields are given, at every depth', () => {
    expect(canonicalText({ b: { d: 1, c: [2, { f: 3, e: 4 }] }, a: null })).toBe(
      '{"a":null,"b":{"c":[2,{"e":4,"f":3}],"d":1}}',
    );
  });

  it('differs where values or the order of a list do', () => {
    expect(canonicalText({ a: 1 })).not.toBe(canonicalText({ a: '1' }));
    expect(canonicalText([1, 2])).not.toBe(canonicalText([2, 1]));
  });
});
