/** Texts that are wrong early and late; many, since any two differ a little by what they happen to be. */
export type WrongPair = readonly [early: string, late: string];

type Samples = [early: number[], late: number[]];

/** Nanoseconds that a check takes, in random order, so that what the machine does besides hits both alike. */
export function timings(
  check: (text: string) => unknown,
  pairs: readonly WrongPair[],
  count: number,
): Samples {
  const times: Samples = [[], []];
  for (let i = 0; i < count * 2; i += 1) {
    const { which, text } = draw(pairs);
    const began = process.hrtime.bigint();
    check(text);
    times[which].push(Number(process.hrtime.bigint() - began));
  }
  return withoutSlowest(times);
}

/** The same for a check that has to be waited for. */
export async function timingsOf(
  check: (text: string) => Promise<unknown>,
  pairs: readonly WrongPair[],
  count: number,
): Promise<Samples> {
  const times: Samples = [[], []];
  for (let i = 0; i < count * 2; i += 1) {
    const { which, text } = draw(pairs);
    const began = process.hrtime.bigint();
    await check(text);
    times[which].push(Number(process.hrtime.bigint() - began));
  }
  return withoutSlowest(times);
}

/** Welch's t of two samples: how far their means lie apart, in units of what chance would do. */
export function welch(a: number[], b: number[]): number {
  const mean = (list: number[]) => list.reduce((sum, x) => sum + x, 0) / list.length;
  const spread = (list: number[], middle: number) =>
    list.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (list.length - 1) / list.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  return (meanA - meanB) / Math.sqrt(spread(a, meanA) + spread(b, meanB));
}

/** The same text with another letter in one place. */
export function withWrongLetter(text: string, at: number): string {
  const letters = 'abcdef0123456789'.replace(text.at(at) ?? '', '');
  const letter = letters[Math.floor(Math.random() * letters.length)] ?? '';
  const index = at < 0 ? text.length + at : at;
  return text.slice(0, index) + letter + text.slice(index + 1);
}

/** A new text each time: a lasting one would be known to the engine, and each in its own way. */
function draw(pairs: readonly WrongPair[]): { which: 0 | 1; text: string } {
  const which = Math.random() < 0.5 ? 0 : 1;
  const pair = pairs[Math.floor(Math.random() * pairs.length)];
  return { which, text: Buffer.from(pair?.[which] ?? '').toString() };
}

/** The slowest tenth is the machine, not the code. */
function withoutSlowest([a, b]: Samples): Samples {
  const all = [...a, ...b].toSorted((left, right) => left - right);
  const cut = all[Math.floor(all.length * 0.9)] ?? 0;
  return [a.filter((ns) => ns <= cut), b.filter((ns) => ns <= cut)];
}
