import { expect, it } from 'vitest';
import { harmless, nearestNames } from '../../src/domain/names.ts';

it.each([
  ['jpgg', ['jpg', 'jpeg']],
  ['pn', ['png']],
  ['PNG', ['png']],
  ['jeg', ['jpeg', 'jpg']],
  ['gfi', []],
  ['metadata', []],
  ['markdwn', ['markdown']],
  ['markkdwn', ['markdown']],
  ['arkdw', []],
  ['', []],
  ['x'.repeat(41), []],
])('the names nearest to %j are %j', (word, nearest) => {
  const names = ['png', 'jpeg', 'jpg', 'webp', 'markdown', 'x'.repeat(41)];
  expect(nearestNames(word, names).toSorted()).toEqual(nearest.toSorted());
});

it('offers the nearest first, and three at most', () => {
  expect(nearestNames('abcdef', ['abcxyf', 'abcdxf', 'abcdef', 'bbcdef'])).toEqual([
    'abcdef',
    'abcdxf',
    'bbcdef',
  ]);
});

it('shows a name of somebody else in 40 harmless characters at most', () => {
  expect(harmless('<b>tar.gz\u001B[31m')).toBe('btar.gz31m');
  expect(harmless('x'.repeat(100))).toBe('x'.repeat(40));
});
