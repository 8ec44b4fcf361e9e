import { expect, it } from 'vitest';
import { visible, visibleLines } from '../../src/domain/visible-text.ts';

it.each([
  ['plain text, naïve, 写真 😀', 'plain text, naïve, 写真 😀'],
  ['\u001b[2J', '\\u001b[2J'],
  ['a\nb\tc', 'a\\u000ab\\u0009c'],
  ['\u202egnp', '\\u202egnp'],
  ['a\u200bb', 'a\\u200bb'],
  ['\u{E0041}', '\\udb40\\udc41'],
  ['\ud800', '\\ud800'],
])('%j is shown as %s', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it('lines of our own stay lines', () => {
  expect(visibleLines('a\n\u001bb\r\n')).toBe('a\n\\u001bb\\u000d\n');
});
