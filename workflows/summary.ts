/** Temporal rejects a call whose summary is longer. */
const MAX_BYTES = 200;
const ELLIPSIS = '…';

/** Shortens a text to 200 bytes of UTF-8, for Temporal's summaries; cuts between characters. */
export function summaryOf(text: string): string {
  if (bytesOf(text) <= MAX_BYTES) return text;
  let left = MAX_BYTES - bytesOf(ELLIPSIS);
  let kept = '';
  for (const character of text) {
    left -= bytesOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}

/** Returns the length in bytes of UTF-8; a workflow has no Buffer. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += [0x80, 0x8_00, 0x1_00_00].filter((limit) => code >= limit).length + 1;
  }
  return bytes;
}
