import type { ChangeStream } from 'mongodb';
import type { Collections } from './mongo.ts';

type Listener = () => void;

/** Tells watchers within this process that a job has changed, whichever process wrote it. */
export interface Changes {
  publish(jobId: string): void;
  /** Calls `listener` after each change of the job until the returned function is called. */
  subscribe(jobId: string, listener: Listener): () => void;
  close(): Promise<void>;
}

export interface ChangesOptions {
  /** Milliseconds between two looks at the watched jobs. */
  pollMs?: number;
}

/**
 * Three sources, one fan-out: the in-process bus for writes made here, one poller for all
 * watched jobs, and a change stream where the server has them (a replica set).
 */
export function createChanges(
  { jobs }: Pick<Collections, 'jobs'>,
  { pollMs = 200 }: ChangesOptions = {},
): Changes {
  const watched = new Map<string, { listeners: Set<Listener>; version: string | undefined }>();
  let stream: ChangeStream | undefined;
  let streaming: 'unknown' | 'yes' | 'no' = 'unknown';
  let polling = false;

  function publish(jobId: string): void {
    for (const listener of watched.get(jobId)?.listeners ?? []) listener();
  }

  async function poll(): Promise<void> {
    const documents = await jobs
      .find({ _id: { $in: [...watched.keys()] } }, { projection: { seq: 1, updatedAt: 1 } })
      .toArray();
    for (const { _id, seq, updatedAt } of documents) {
      const entry = watched.get(_id);
      const version = `${seq}:${updatedAt.getTime()}`;
      if (!entry || entry.version === version) continue;
      entry.version = version;
      publish(_id);
    }
  }

  const timer = setInterval(() => {
    if (watched.size === 0 || polling || streaming === 'yes') return;
    polling = true;
    // An unreachable database is seen by the watchers' own reads; the next tick tries again.
    poll()
      .catch(() => {})
      .finally(() => {
        polling = false;
      });
  }, pollMs);
  timer.unref();

  /** A standalone server refuses at once; from then on the poller does the work alone. */
  function openStream(): void {
    if (streaming !== 'unknown') return;
    streaming = 'no';
    stream = jobs.watch([], {});
    stream.once('init', () => {
      streaming = 'yes';
    });
    stream.on('change', (change) => {
      if ('documentKey' in change) publish(String(change.documentKey._id));
    });
    stream.on('error', () => {
      streaming = 'no';
      stream?.close().catch(() => {});
    });
  }

  return {
    publish,
    subscribe(jobId, listener) {
      openStream();
      const entry = watched.get(jobId) ?? { listeners: new Set(), version: undefined };
      entry.listeners.add(listener);
      watched.set(jobId, entry);
      return () => {
        entry.listeners.delete(listener);
        if (entry.listeners.size === 0) watched.delete(jobId);
      };
    },
    async close() {
      clearInterval(timer);
      watched.clear();
      await stream?.close().catch(() => {});
    },
  };
}
