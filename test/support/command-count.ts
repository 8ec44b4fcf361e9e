import type { CommandStartedEvent } from 'mongodb';
import type { Mongo } from '../../src/store/mongo/mongo.ts';

/** Commands that the driver sends by itself. */
const HOUSEKEEPING = new Set(['hello', 'ismaster', 'ping', 'endSessions', 'killCursors']);

/** Records the commands of a connection that was opened with `monitorCommands`. */
export function countCommands({ db }: Pick<Mongo, 'db'>) {
  let commands: string[] | undefined;
  db.client.on('commandStarted', ({ commandName, databaseName }: CommandStartedEvent) => {
    if (databaseName === db.databaseName && !HOUSEKEEPING.has(commandName)) commands?.push(commandName);
  });
  return {
    /** Returns the names of the commands that `work` sends. */
    async of(work: () => Promise<unknown>): Promise<string[]> {
      const sent: string[] = [];
      commands = sent;
      await work();
      commands = undefined;
      return sent;
    },
  };
}
