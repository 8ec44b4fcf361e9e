/** How many names are offered for one that is none. */
const MOST_OFFERED = 3;
/** Longer words are compared with none. */
const MAX_WORD = 40;

/** Returns a caller's name with nothing in it that a page or terminal would obey, 40 characters at most. */
export function harmless(name: string): string {
  return name.replace(/[^\w.*-]/g, '').slice(0, MAX_WORD);
}

/** Returns the names, three at most, that a misspelt word probably means, the nearest first; empty for none. */
export function nearestNames(word: string, names: Iterable<string>): string[] {
  if (word === '' || word.length > MAX_WORD) return [];
  const most = word.length < 5 ? 1 : 2;
  return [...names]
    .map((name) => ({ name, edits: editsBetween(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ edits }) => edits <= most)
    .toSorted((left, right) => left.edits - right.edits)
    .slice(0, MOST_OFFERED)
    .map(({ name }) => name);
}

/** Returns the hint at a name that is none of these: says which was probably meant, and all that there are. */
export function hintAmong(names: readonly string[], word = ''): string {
  const near = nearestNames(word, names);
  const all = `There are ${names.join(', ')}.`;
  return near.length > 0 ? `Did you mean ${near.join(' or ')}? ${all}` : all;
}

/** Returns how many letters are to be put in, left out or replaced to make one word of the other. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const [left = 0, above = 0, diagonal = 0] = [next[column - 1], row[column], row[column - 1]];
      next.push(Math.min(left + 1, above + 1, diagonal + (letter === to[column - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
