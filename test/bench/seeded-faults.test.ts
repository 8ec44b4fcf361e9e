import { expect, it } from 'vitest';
import { faultsIn, withFault } from '../../bench/drills/seeded-faults.ts';

const seeded = (text: string) => faultsIn('a.ts', text).map((fault) => withFault(text, fault));

it.each<[string, string[]]>([
  ['a < b;', ['a <= b;']],
  ['a >= b;', ['a > b;']],
  ['a === b;', ['a !== b;']],
  ['a && b;', ['a || b;']],
  ['x = !a;', ['x = a;']],
  ['if (a) b();', ['if (false) b();']],
  ['x = a ? b : c;', ['x = true ? b : c;']],
  ['x = 60_000;', ['x = 60001;']],
  ['await save(a);', ['(save(a));']],
  ['function f() { return a; }', ['function f() { return; }']],
  ['async function f() { return await a(); }', ['async function f() { return; }']],
])('%s may become %j', (text, faulty) => {
  expect(seeded(text)).toEqual(faulty);
});

it('types are left alone: nothing runs them', () => {
  expect(seeded('interface A { n: 1 } type B = 2; const c: 3 | A = d as B;')).toEqual([]);
});

it('what would come to the same is no fault', () => {
  expect(seeded('function f() { return undefined; }')).toEqual([]);
});

it('each fault says where it is', () => {
  expect(faultsIn('a.ts', 'a;\nb(!c);')).toEqual([
    { path: 'a.ts', line: 2, start: 5, before: '!c', after: 'c' },
  ]);
});
