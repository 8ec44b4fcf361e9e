import { type Command, Option } from 'commander';
import { MAX_BATCH_JOBS, requireLabel } from '../../../domain/batches/batch.ts';
import { judgedBy, limitOption, setOption, withService } from '../../terminal/command-line.ts';

const id = ['<batchId>', 'its id'] as const;

/** Adds `kiln batches`. */
export function addBatchCommands(program: Command): void {
  const batches = program
    .command('batches')
    .description('convert many files together, and manage such batches');
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
    .description('show what happens to a batch until it ends')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).watchBatch(of, options));
  withService(batches.command('cancel'))
    .description('cancel all conversions of a batch that have not ended')
    .argument(...id)
    .action(async (of, options) => (await import('./batches.ts')).cancelBatch(of, options));
  withService(batches.command('retry'))
    .description('convert again, as a new batch, the files that did not become ready')
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
      new Option('-l, --label <text>', 'a name for the batch').argParser((text) =>
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
