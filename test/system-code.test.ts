import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { systemCode } from '../src/system-code.ts';

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

it('is what the system calls a failure', () => {
  expect(systemCode(failureOf(() => readFileSync('/no/such/file')))).toBe('ENOENT');
  expect(systemCode(Object.assign(new Error('refused'), { code: 93 }))).toBe('93');
});

it('is undefined for anything that has none', () => {
  const nameless = Object.assign(new Error('refused'), { code: undefined });
  for (const error of [new Error('lost'), nameless, 'ENOENT', { code: 'ENOENT' }, null, undefined])
    expect(systemCode(error)).toBeUndefined();
});
