/**
 * What a terminal would obey instead of showing: control characters, escape sequences among them, and those
 * that turn the direction of writing, have no width or are half of a character.
 */
const UNSEEN =
  /[\p{Cc}\u061C\u200B\u200E\u200F\u202A-\u202E\u2028\u2029\u2060-\u2069\uFEFF\u{E0000}-\u{E007F}\p{Cs}]/gu;

/** Text from elsewhere as it may be shown in one line: what a terminal would obey is written as JSON writes it. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** The same for text of several lines that we have put together ourselves. */
export function visibleLines(text: string): string {
  return text.replace(UNSEEN, (character) => (character === '\n' ? character : escaped(character)));
}

/** `\u001b`: the same characters inside JSON, where this changes nothing for who parses it. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
