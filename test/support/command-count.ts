import type { CommandStartedEvent } from 'mongodb';
import type { Mongo } from '../../src/store/mongo/mongo.ts';

/** What the driver does beside what it is asked for. */
const HOUSEKEEPING = new Set(['hello', 'ismaster', 'ping', 'endSessions', 'killCursors']);

/** Counts the commands that go out to the database, of a connection that was opened with `monitorCommands`. */
export function countCommands({ db }: Pick<Mongo, 'db'>) {
  let commands: string[] | undefined;
  db.client.on('commandStarted', ({ commandName, databaseName }: CommandStartedEvent) => {
    if (databaseName === db.databaseName && !HOUSEKEEPING.has(commandName)) commands?.push(commandName);
  });
  return {
    /** The names of the commands that `work` sends out. */
    async of(work: () => Promise<unknown>): Promise<string[]> {
      const sent: string[] = [];
      commands = sent;
      await work();
      commands = undefined;
      return sent;
    },
  };
}
