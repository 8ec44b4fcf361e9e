import { type MongoClient, MongoOperationTimeoutError } from 'mongodb';

/** Milliseconds without any answer, after which the server counts as gone. */
const SILENCE_MS = 8000;
/** Milliseconds after which a single call is given up, though others are answered. */
const MAX_CALL_MS = 120_000;

let lastAnswerAt = Number.NEGATIVE_INFINITY;

/** Notes when the server answers: the driver then returns the connection to its pool. */
export function trackAnswers(client: Pick<MongoClient, 'on'>): void {
  client.on('connectionCheckedIn', () => {
    lastAnswerAt = performance.now();
  });
}

/**
 * Waits for a call of the store as long as the server gives signs of life, to whichever call: a busy one is
 * waited for, a frozen one is given up after 8 s. What was sent to it may still be done once it goes on.
 * @throws MongoOperationTimeoutError
 */
export async function withSilenceTimeout<T>(call: Promise<T>): Promise<T> {
  const beganAt = performance.now();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | null = setTimeout(look, SILENCE_MS);

  function look(): void {
    // A process that was busy itself reads what has come in the meantime first.
    setImmediate(() => {
      if (timer === null) return;
      const now = performance.now();
      const silentMs = now - Math.max(beganAt, lastAnswerAt);
      if (silentMs >= SILENCE_MS) reject(new MongoOperationTimeoutError(`no answer for ${SILENCE_MS} ms`));
      else if (now - beganAt >= MAX_CALL_MS)
        reject(new MongoOperationTimeoutError(`not done within ${MAX_CALL_MS} ms`));
      else timer = setTimeout(look, SILENCE_MS - silentMs);
    });
  }

  try {
    return await Promise.race([call, givenUp]);
  } finally {
    if (timer) clearTimeout(timer);
    timer = null;
  }
}
