import type { Collection, Filter } from 'mongodb';

/** A document whose `seq` or `updatedAt` changes with each write. */
export interface Versioned {
  _id: string;
  seq: number;
  updatedAt: Date;
}

/** Called after a change; without a document the listener reads it. */
type Listener<T> = (document?: T) => void;

/** The documents themselves stay on the server: a notice only says when to read. */
const ONLY_IDS = [{ $project: { documentKey: 1 } }];

/** What a change stream must offer; the driver's own one does. */
export interface ChangeFeed {
  on(event: 'change', listener: (change: { documentKey?: { _id: unknown } }) => void): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
  once(event: 'resumeTokenChanged', listener: () => void): unknown;
  close(): Promise<void>;
}

/** The part of a collection that is watched. */
export interface WatchedCollection<T extends Versioned> {
  find: Collection<T>['find'];
  watch(pipeline: object[]): ChangeFeed;
}

/** Notifies watchers in this process that a document has changed, whichever process wrote it. */
export interface Changes<T extends Versioned> {
  /** Notifies watchers of a write of this process, with the document. */
  publish(document: T): void;
  /** Notifies watchers of a write of this process, without the document: they read it. */
  invalidate(changed: Versioned): void;
  /** Calls `listener` after each change of the document until the returned function is called. */
  subscribe(id: string, listener: Listener<T>): () => void;
  close(): Promise<void>;
}

export interface ChangesOptions {
  /** Milliseconds between two looks at the watched documents. */
  pollMs?: number;
}

/**
 * Three sources, one fan-out: the in-process bus for writes made here, one poller for all
 * watched documents, and a change stream where the server has them (a replica set).
 */
export function createChanges<T extends Versioned>(
  collection: WatchedCollection<T>,
  { pollMs = 200 }: ChangesOptions = {},
): Changes<T> {
  const watched = new Map<string, { listeners: Set<Listener<T>>; version: string | undefined }>();
  let stream: ChangeFeed | undefined;
  let streaming = false;
  let polling = false;

  function notify(id: string, document?: T): void {
    for (const listener of watched.get(id)?.listeners ?? []) listener(document);
  }

  /** Notifies watchers, and notes the version, so that the poller does not notify them again. */
  function publishVersion(changed: Versioned, document?: T): void {
    const entry = watched.get(changed._id);
    if (!entry) return;
    entry.version = versionOf(changed);
    notify(changed._id, document);
  }

  async function poll(): Promise<void> {
    const filter = { _id: { $in: [...watched.keys()] } } as Filter<T>;
    const documents = await collection
      .find<Versioned>(filter, { projection: { seq: 1, updatedAt: 1 } })
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
    const opened = collection.watch(ONLY_IDS);
    stream = opened;
    // The first token is the first proof that the server streams: only then may the poller rest.
    opened.once('resumeTokenChanged', () => {
      streaming = true;
      // What was written between the last look and the stream's beginning is in neither.
      for (const id of watched.keys()) notify(id);
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
    publish: (document) => publishVersion(document, document),
    invalidate: (changed) => publishVersion(changed),
    subscribe(id, listener) {
      openStream();
      const entry = watched.get(id) ?? { listeners: new Set(), version: undefined };
      entry.listeners.add(listener);
      watched.set(id, entry);
      return () => {
        entry.listeners.delete(listener);
        // Called twice, it must not take away what somebody else subscribed to since.
        if (entry.listeners.size === 0 && watched.get(id) === entry) watched.delete(id);
      };
    },
    async close() {
      clearInterval(timer);
      watched.clear();
      await stream?.close().catch(() => {});
    },
  };
}

function versionOf({ seq, updatedAt }: Pick<Versioned, 'seq' | 'updatedAt'>): string {
  return `${seq}:${updatedAt.getTime()}`;
}
