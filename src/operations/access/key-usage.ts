import type { Log } from '../../log.ts';
import type { ApiKeyRepository, KeyUse } from '../../store/api-keys.ts';

export interface KeyUsagePorts {
  keys: Pick<ApiKeyRepository, 'addUses'>;
  log: Pick<Log, 'warn'>;
  everyMs?: number;
}

const EVERY_MS = 10_000;

/** Collects when and how often keys are used and writes it down every ten seconds, many keys at once. */
export function createKeyUsage({ keys, log, everyMs = EVERY_MS }: KeyUsagePorts) {
  let pending = new Map<string, KeyUse>();
  let lastWrite = Promise.resolve();

  function add({ keyId, count, lastUsedAt }: KeyUse): void {
    const known = pending.get(keyId);
    const latest = known && known.lastUsedAt > lastUsedAt ? known.lastUsedAt : lastUsedAt;
    pending.set(keyId, { keyId, count: count + (known?.count ?? 0), lastUsedAt: latest });
  }

  async function write(): Promise<void> {
    const uses = [...pending.values()];
    pending = new Map();
    if (uses.length === 0) return;
    try {
      await keys.addUses(uses);
    } catch (error) {
      for (const use of uses) add(use);
      log.warn(
        { error: String(error) },
        'the use of keys could not be written down; the next round tries again',
      );
    }
  }

  /** One write after the other: what the one before could not write goes with the next. */
  function flush(): Promise<void> {
    lastWrite = lastWrite.then(write);
    return lastWrite;
  }

  const timer = setInterval(() => void flush(), everyMs);
  timer.unref();

  return {
    note: (keyId: string): void => add({ keyId, count: 1, lastUsedAt: new Date() }),
    /** Writes down what is left. */
    async close(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}
