import { loadConfig } from '../config.ts';
import { startKiln } from './kiln.ts';
import { runProcess } from './lifecycle.ts';

/** `npm start`: everything on one machine. */
await runProcess(async () => {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const kiln = await startKiln(loadConfig(), say);
  say(`Temporal UI      ${kiln.temporalUi ?? 'not started here'}`);
  say(`GraphQL          ${kiln.url}/graphql`);
  if (kiln.credentialsPath) say(`Credentials      ${kiln.credentialsPath}`);
  for (const note of kiln.notes) say(note);
  say(`Kiln is ready at ${kiln.url}`);
  return kiln;
});
