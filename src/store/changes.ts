import type { Job } from '../domain/job.ts';
import type { Collections } from './mongo.ts';

/** Without a job the listener has to read for itself. */
type Listener = (job?: Job) => void;

/** The documents themselves stay on the server: a notice only says when to read. */
const ONLY_IDS = [{ $project: { documentKey: 1 } }];

/** What a change stream must offer; the driver's own one does. */
export interface ChangeFeed {
  on(event: 'change', listener: (change: { documentKey?: { _id: unknown } }) => void): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
  once(event: 'resumeTokenChanged', listener: () => void): unknown;
  close(): Promise<void>;
}

/** The part of the jobs collection that is watched. */
export interface WatchedJobs {
  find: Collections['jobs']['find'];
  watch(pipeline: object[]): ChangeFeed;
}

/** Tells watchers within this process that a job has changed, whichever process wrote it. */
export interface Changes {
  publish(job: Job): void;
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
  { jobs }: { jobs: WatchedJobs },
  { pollMs = 200 }: ChangesOptions = {},
): Changes {
  const watched = new Map<string, { listeners: Set<Listener>; version: string | undefined }>();
  let stream: ChangeFeed | undefined;
  let streaming = false;
  let polling = false;

  function notify(jobId: string, job?: Job): void {
    for (const listener of watched.get(jobId)?.listeners ?? []) listener(job);
  }

  /** The poller has nothing to add to what was published here. */
  function publish(job: Job): void {
    const entry = watched.get(job._id);
    if (!entry) return;
    entry.version = versionOf(job);
    notify(job._id, job);
  }

  async function poll(): Promise<void> {
    const documents = await jobs
      .find({ _id: { $in: [...watched.keys()] } }, { projection: { seq: 1, updatedAt: 1 } })
      .toArray();
    for (const document of documents) {
      const entry = watched.get(document._id);
      const version = versionOf(document);
      if (!entry || entry.version === version) continue;
      entry.version = version;
      notify(document._id);
    }
  }

  const timer = setInterval(() => {
    if (watched.size === 0 || polling || streaming) return;
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
    if (stream) return;
    const opened = jobs.watch(ONLY_IDS);
    stream = opened;
    // The first token is the first proof that the server streams: only then may the poller rest.
    opened.once('resumeTokenChanged', () => {
      streaming = true;
      // What was written between the last look and the stream's beginning is in neither.
      for (const jobId of watched.keys()) notify(jobId);
    });
    opened.on('change', ({ documentKey }) => {
      if (documentKey) notify(String(documentKey._id));
    });
    opened.on('close', () => {
      streaming = false;
    });
    opened.on('error', () => {
      streaming = false;
      opened.close().catch(() => {});
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
        // Called twice, it must not take away what somebody else subscribed to since.
        if (entry.listeners.size === 0 && watched.get(jobId) === entry) watched.delete(jobId);
      };
    },
    async close() {
      clearInterval(timer);
      watched.clear();
      await stream?.close().catch(() => {});
    },
  };
}

function versionOf({ seq, updatedAt }: Pick<Job, 'seq' | 'updatedAt'>): string {
  return `${seq}:${updatedAt.getTime()}`;
}
