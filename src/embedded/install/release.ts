/** Whether version `a` is older than `b`, both as dotted numbers. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether two versions differ in their last number only. */
export function isSameSeries(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').slice(0, 2).join('.'));
  return left === right;
}

/** Returns the first dotted version in a program's answer to --version, else undefined. */
export function parseVersion(output: string): string | undefined {
  return /\d+\.\d+\.\d+/.exec(output)?.[0];
}
