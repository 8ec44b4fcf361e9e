/** What was read a moment ago, so that many who ask at a time cost one look. */
export interface Recent<T> {
  get(key: string): Promise<T>;
  /** After a change that has to count at once. */
  forget(key: string): void;
}

/** Keys that are remembered at most; one more, and all are forgotten. */
const REMEMBERED = 10_000;

/** Believes what `read` gave for `freshMs`. What could not be read is asked for again, not remembered. */
export function createRecent<T>(read: (key: string) => Promise<T>, freshMs: number): Recent<T> {
  const known = new Map<string, { until: number; value: Promise<T> }>();
  return {
    get(key) {
      const fresh = known.get(key);
      if (fresh && fresh.until > performance.now()) return fresh.value;
      if (known.size >= REMEMBERED) known.clear();
      const entry = { until: performance.now() + freshMs, value: read(key) };
      known.set(key, entry);
      entry.value.catch(() => {
        // Whoever asked after `forget` has an answer of its own by now.
        if (known.get(key) === entry) known.delete(key);
      });
      return entry.value;
    },
    forget: (key) => void known.delete(key),
  };
}
