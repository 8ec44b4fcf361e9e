import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that pass between two collections. */
const EVERY_BYTES = 8 * 2 ** 20;

/**
 * Collects V8's young generation. Without it some 64 MB of dead socket buffers pile up before V8 looks at
 * them, which a process that streams large uploads would keep for good. One collection takes well under a
 * millisecond, and the growth during a 1 GiB upload stays near 15 MB, at the same speed.
 */
const collectYoung = minorCollector();

/** Returns a function to call with the size of each chunk; it collects every 8 MiB. */
export function createGarbageMeter(): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < EVERY_BYTES) return;
    passed = 0;
    collectYoung();
  };
}

/** Returns V8's `gc`, which only a context has that was made while the flag was set. */
function minorCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: (options: { type: 'minor' }) => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return () => collect({ type: 'minor' });
}
