import { type Command, Option } from 'commander';
import { MAX_BATCH_JOBS, requireLabel } from '../../../domain/batches/batch.ts';
import { judgedBy, limitOption, setOption, withService } from '../../terminal/command-line.ts';

const id = ['<batchId>', 'its id'] as const;

/** `kiln batches`: many files in one go, and what became of them. */
export function addBatchCommands(program: Command): void {
  const batches = program.command('batches').description('convert many files together, and see to them');
  addConvert(batches);
  withService(batches.command('list'))
    .description('list the latest batches')
    .addOption(limitOption())
    .action(async (options) => (await import('./batches.ts')).listBatches(options));
  withService(batches.command('show'))
    .description('show a batch with its first 100 files')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).showBatch(of, options));
  withService(batches.command('watch'))
    .description('show what happens to a batch until it is over')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).watchBatch(of, options));
  withService(batches.command('cancel'))
    .description('end all of its files that have not ended')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).cancelBatch(of, options));
  withService(batches.command('retry'))
    .description('do again, as a new batch, what did not become ready')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).retryBatch(of, options));
}

function addConvert(batches: Command): void {
  withService(batches.command('convert'))
    .description('convert files together through a running Kiln')
    .argument('<files...>', `the files to convert, at most ${MAX_BATCH_JOBS}`)
    .requiredOption('-t, --to <format>', 'format of the results, see `kiln formats`')
    .addOption(setOption())
    .addOption(
      new Option('-l, --label <text>', 'what the batch is called').argParser((text) =>
        judgedBy(() => requireLabel(text)),
      ),
    )
    .option('-a, --archive', 'fetch all results as one ZIP, named after the label')
    .option('-o, --output <folder>', 'where to put the results; beside each file unless given')
    .option('-f, --force', 'replace files that are already there')
    .action(async (files: string[], options, command: Command) => {
      if (files.length > MAX_BATCH_JOBS)
        command.error(`error: a batch has at most ${MAX_BATCH_JOBS} files, not ${files.length}`, {
          exitCode: 2,
        });
      await (await import('./batch-convert.ts')).convertBatch(files, options);
    });
}
