import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Column, formatDuration, renderTable } from '../src/cli/terminal/terminal.ts';
import { bench as admission } from './admission.ts';
import { bench as batch } from './batch.ts';
import { type Bench, isMet, type Row, ratioOf } from './bench.ts';
import type { Drill } from './drills/drill.ts';
import { drill as kills } from './drills/kills.ts';
import { drill as mutations } from './drills/mutations.ts';
import { drill as outages } from './drills/outages.ts';
import { drill as soak } from './drills/soak.ts';
import { startKilnProcess } from './kiln-process.ts';
import { bench as latency } from './latency.ts';
import { bench as ledger } from './ledger.ts';
import { bench as queries } from './queries.ts';
import { bench as repair } from './repair.ts';
import { bench as throughput } from './throughput.ts';
import { bench as upload } from './upload.ts';
import { bench as webhooks } from './webhooks.ts';

const BENCHES: readonly Bench[] = [
  latency,
  throughput,
  upload,
  batch,
  ledger,
  webhooks,
  admission,
  repair,
  queries,
];

const COLUMNS: readonly Column[] = [
  { title: 'what' },
  { title: 'figure', align: 'right' },
  { title: 'target', align: 'right' },
  { title: 'met' },
  { title: 'bare', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'note' },
];

interface Report {
  name: string;
  about: string;
  ms: number;
  rows: Row[];
}

/** Runs the benches one after the other, each against a service of its own. */
async function runBenches(benches: readonly Bench[], jsonPath: string | undefined): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The bench reads /proc, so it needs Linux.');
  const reports: Report[] = [];
  const [load = 0] = loadavg();
  process.stdout.write(
    `${availableParallelism()} cores, load ${load.toFixed(1)} before the run, Node ${process.version}\n`,
  );
  for (const bench of benches) {
    process.stdout.write(`\n${bench.name}: ${bench.about}\n`);
    const report = await runOne(bench);
    reports.push(report);
    process.stdout.write(
      `${renderTable(COLUMNS, report.rows.map(cellsOf))}\n(${formatDuration(report.ms)})\n`,
    );
  }
  if (jsonPath) await writeFile(jsonPath, `${JSON.stringify(machineAnd(reports), null, 2)}\n`);
}

const interrupted = Promise.withResolvers<never>();
// Nobody waits for it unless a bench runs.
interrupted.promise.catch(() => {});

async function runOne({ name, about, run }: Bench): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.once('exit', remove);
  const kiln = await startKilnProcess(join(folder, 'data'));
  try {
    const began = performance.now();
    const say = (line: string) => process.stderr.write(`  ${line}\n`);
    const rows = await Promise.race([run({ kiln, folder, say }), interrupted.promise]);
    return { name, about, ms: performance.now() - began, rows };
  } finally {
    await kiln.stop();
    remove();
    process.off('exit', remove);
  }
}

function cellsOf(row: Row): string[] {
  const { what, figure, unit, target, bare, note } = row;
  const met = isMet(row);
  const goal = target && ('atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`);
  const ratio = ratioOf(row);
  return [
    what,
    `${round(figure)} ${unit}`,
    goal ? `${goal} ${unit}` : '',
    verdict(met),
    bare ? `${round(bare.figure)} ${unit}` : '',
    ratio === undefined ? '' : `${round(ratio)} ×`,
    [bare?.what, note].filter(Boolean).join('; '),
  ];
}

function round(value: number): string {
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

function machineAnd(reports: readonly Report[]) {
  return {
    at: new Date().toISOString(),
    // Other work on the machine slows the rates down; CPU time per job does not show that.
    load: loadavg(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    benches: reports.map(({ rows, ...report }) => ({
      ...report,
      rows: rows.map((row) => ({ ...row, met: isMet(row) ?? null, ratio: ratioOf(row) ?? null })),
    })),
  };
}

function benchNamed(name: string, chosen: readonly Bench[] = []): readonly Bench[] {
  const bench = BENCHES.find((candidate) => candidate.name === name);
  if (bench) return [...chosen, bench];
  throw new InvalidArgumentError(`There are: ${BENCHES.map((candidate) => candidate.name).join(', ')}.`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => interrupted.reject(new Error('The bench was interrupted.')));
}

/** Adds the command of a drill, which exits with 1 if there was a violation. */
function addDrill<Options>({ name, about, options, run }: Drill<Options>): void {
  const command = program.command(name).description(about);
  for (const option of options) command.addOption(option);
  command.action(async (chosen: Options) => {
    const say = (line: string) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
    say(`${name}: ${about}; ${JSON.stringify(chosen)}`);
    const violations = await Promise.race([run({ options: chosen, say }), interrupted.promise]);
    for (const violation of violations) say(`  ${violation}`);
    say(
      `${name}: ${violations.length === 0 ? 'every promise kept' : `${violations.length} promises NOT kept`}`,
    );
    process.exitCode = violations.length === 0 ? 0 : 1;
  });
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return '';
  return met ? 'yes' : 'NO';
}

const program = new Command('npm run bench --')
  .description('Measures a running Kiln beside its bare parts, on this machine, in the same run.')
  .argument('[names...]', `benches to run: ${BENCHES.map(({ name }) => name).join(', ')}`, benchNamed, [])
  .option('--json <file>', 'also writes all figures to this file')
  .action((chosen: readonly Bench[], { json }: { json?: string }) =>
    runBenches(chosen.length > 0 ? chosen : BENCHES, json),
  );
addDrill(kills);
addDrill(mutations);
addDrill(outages);
addDrill(soak);

await program.parseAsync().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
