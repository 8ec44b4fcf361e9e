import { EventEmitter } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/domain/jobs/job.ts';
import { createJobRepository, type JobRepository } from '../../../src/store/jobs.ts';
import { type Changes, createChanges, type WatchedCollection } from '../../../src/store/mongo/changes.ts';
import { openDatabase } from '../../support/database.ts';
import { aJob } from '../../support/records.ts';

type WatchedJobs = WatchedCollection<Job>;

const POLL_MS = 20;

let database: Awaited<ReturnType<typeof openDatabase>>;
const opened: Changes<Job>[] = [];

beforeAll(async () => {
  database = await openDatabase();
});
afterEach(async () => {
  for (const changes of opened.splice(0)) await changes.close();
});
afterAll(() => database.drop());

/** Some servers have change streams; only the poller is looked at here, and a stream's beginning rings, too. */
function polled(): WatchedJobs {
  const { jobs } = database.collections;
  return { find: jobs.find.bind(jobs) as WatchedJobs['find'], watch: () => feed() };
}

function watching(jobs: WatchedJobs = polled(), pollMs = POLL_MS): Changes<Job> {
  const changes = createChanges(jobs, { pollMs });
  opened.push(changes);
  return changes;
}

async function newJob(jobs: JobRepository): Promise<string> {
  const job = aJob();
  await jobs.insertIfAbsent(job);
  return job._id;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Counts the rings for one job, and waits for the next one. */
function listenTo(changes: Changes<Job>, jobId: string) {
  const bell = new EventTarget();
  let rings = 0;
  const stop = changes.subscribe(jobId, () => {
    rings += 1;
    bell.dispatchEvent(new Event('ring'));
  });
  return {
    stop,
    rings: () => rings,
    next: () => new Promise((resolve) => bell.addEventListener('ring', resolve, { once: true })),
    /** The first poll rings once for what is there already. */
    async settled() {
      for (let before = -1; before !== rings; await pause(5 * POLL_MS)) before = rings;
      rings = 0;
    },
  };
}

/** A stand-in for the driver's change stream, for servers that have none. */
function feed() {
  const emitter = new EventEmitter();
  let closed = false;
  return Object.assign(emitter, {
    closed: () => closed,
    async close() {
      closed = true;
      emitter.emit('close');
    },
  });
}

describe('a write of this process', () => {
  it('rings at once, for the watchers of that job only', async () => {
    const changes = watching(polled(), 60_000);
    const jobs = createJobRepository(database.collections, changes);
    const [watched, other] = [await newJob(jobs), await newJob(jobs)];
    const [first, second] = [listenTo(changes, watched), listenTo(changes, watched)];
    const foreign = listenTo(changes, other);
    await jobs.transition(watched, { to: 'queued', cause: 'a' });
    expect([first.rings(), second.rings(), foreign.rings()]).toEqual([1, 1, 0]);
  });

  it('rings no more after the watcher has left, however often it leaves', async () => {
    const changes = watching(polled(), 60_000);
    const gone = listenTo(changes, 'job');
    gone.stop();
    const staying = listenTo(changes, 'job');
    gone.stop();
    changes.publish(aJob({ _id: 'job' }));
    expect([gone.rings(), staying.rings()]).toEqual([0, 1]);
  });
});

describe('a write of another process', () => {
  it('is seen by the poller: a move, and progress', async () => {
    const elsewhere = createJobRepository(database.collections, watching());
    const id = await newJob(elsewhere);
    const here = listenTo(watching(), id);
    await here.settled();
    for (const write of [
      () => elsewhere.transition(id, { to: 'queued', cause: 'a' }),
      () => elsewhere.transition(id, { to: 'processing', cause: 'b' }),
      () => elsewhere.setProgress(id, { percent: 50, stage: 'converting' }),
    ]) {
      const notified = here.next();
      await write();
      await notified;
    }
  });

  it('between reading and watching is not missed', async () => {
    const elsewhere = createJobRepository(database.collections, watching());
    const id = await newJob(elsewhere);
    await elsewhere.transition(id, { to: 'queued', cause: 'a' });
    await listenTo(watching(), id).next();
  });

  it('does not ring when nothing has changed', async () => {
    const elsewhere = createJobRepository(database.collections, watching());
    const here = listenTo(watching(), await newJob(elsewhere));
    await here.settled();
    await pause(10 * POLL_MS);
    expect(here.rings()).toBe(0);
  });
});

describe('a change stream', () => {
  function streaming() {
    const stream = feed();
    const looks = { count: 0 };
    const jobs: WatchedJobs = {
      watch: () => stream,
      find: ((...args: Parameters<WatchedJobs['find']>) => {
        looks.count += 1;
        return database.collections.jobs.find(...args);
      }) as WatchedJobs['find'],
    };
    return { stream, looks, changes: watching(jobs) };
  }

  it('rings for the jobs that it names', async () => {
    const { stream, changes } = streaming();
    const here = listenTo(changes, 'job');
    stream.emit('change', { documentKey: { _id: 'job' } });
    stream.emit('change', { documentKey: { _id: 'other' } });
    stream.emit('change', { operationType: 'invalidate' });
    expect(here.rings()).toBe(1);
  });

  it('lets the poller rest once it runs, and rings for what neither has seen', async () => {
    const { stream, looks, changes } = streaming();
    const here = listenTo(changes, 'job');
    stream.emit('resumeTokenChanged');
    expect(here.rings()).toBe(1);
    await pause(3 * POLL_MS);
    const rested = looks.count;
    await pause(10 * POLL_MS);
    expect(looks.count).toBe(rested);
  });

  it.each(['error', 'close'])('hands back to the poller on %s', async (event) => {
    const { stream, changes } = streaming();
    const jobs = createJobRepository(database.collections, watching());
    const id = await newJob(jobs);
    const here = listenTo(changes, id);
    stream.emit('resumeTokenChanged');
    stream.emit(event, new Error('The cursor is gone.'));
    await here.settled();
    const notified = here.next();
    await jobs.transition(id, { to: 'queued', cause: 'a' });
    await notified;
  });

  it('is opened once, by the first watcher, and closed at the end', async () => {
    const { stream, changes } = streaming();
    for (let i = 0; i < 3; i += 1) listenTo(changes, `job-${i}`);
    expect(stream.listenerCount('change')).toBe(1);
    await changes.close();
    expect(stream.closed()).toBe(true);
  });
});
