/**
 * `npm run bench [-- --json] [-- --save] [-- --seconds N] [-- --rounds N] [-- --only NAME,…]`: what a call costs, warm and cold,
 * beside a peer that does the same work, in one run (docs/bench.md). Linux, since CPU time is read
 * from /proc. Code 1 where a request failed: the numbers would mean nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endSignal, print, runCommand } from '../local/command.ts';
import { LocalError } from '../local/local-error.ts';
import type { ServiceProcess } from '../local/processes.ts';
import { arrange } from './arrangement.ts';
import { concurrency, createCases } from './cases.ts';
import { toSvg } from './chart.ts';
import { type Cores, findCores } from './cores.ts';
import { measure } from './measure.ts';
import { type BenchOptions, readBenchOptions } from './options.ts';
import { type LoadTest, loadTest, type Stretch } from './overload.ts';
import { timeRefusals } from './refusals.ts';
import { type Report, refusalsToMarkdown, stretchesToMarkdown, toMarkdown } from './report.ts';
import { judgeTargets } from './targets.ts';

await runCommand('bench', async () => {
  const options = readBenchOptions(process.argv.slice(2));
  if (platform() !== 'linux') throw new LocalError('CPU time is read from /proc: run it on Linux');
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const started: ServiceProcess[] = [];
  try {
    if (options.refusals > 0) {
      const timed = await Promise.race([refusals(options, folder, started), interrupted()]);
      print(options.json ? JSON.stringify(timed, undefined, 2) : refusalsToMarkdown(timed));
      return 0;
    }
    const test = options.overload > 0 ? 'overload' : options.soak > 0 ? 'soak' : undefined;
    if (test !== undefined) {
      const told = await Promise.race([load(test, options[test], folder, started), interrupted()]);
      print(options.json ? JSON.stringify(told, undefined, 2) : stretchesToMarkdown(told));
      return 0;
    }
    const report = await Promise.race([bench(options, folder, started), interrupted()]);
    print(options.json ? JSON.stringify(report, undefined, 2) : toMarkdown(report));
    if (options.save) save(report);
    const failed = report.results.filter(({ errors }) => errors > 0);
    if (failed.length > 0) {
      throw new LocalError(`requests failed in: ${failed.map(({ name }) => name).join(', ')}`);
    }
    return 0;
  } finally {
    await Promise.all(started.map((process) => process.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
});

function arrangeIn(folder: string, started: ServiceProcess[], cores: Cores | undefined) {
  return arrange({
    folder,
    cores,
    clients: concurrency,
    onStart: (process) => started.push(process),
  });
}

async function refusals(options: BenchOptions, folder: string, started: ServiceProcess[]) {
  return timeRefusals(await arrangeIn(folder, started, findCores()), options.refusals);
}

async function load(
  test: LoadTest,
  seconds: number,
  folder: string,
  started: ServiceProcess[],
): Promise<Stretch[]> {
  const arrangement = await arrangeIn(folder, started, findCores());
  return loadTest(arrangement, test, seconds, progress);
}

/** On stderr, so that stdout can go into a file. */
function progress(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

async function bench(
  options: BenchOptions,
  folder: string,
  started: ServiceProcess[],
): Promise<Report> {
  const { seconds, rounds } = options;
  const cores = findCores();
  const arrangement = await arrangeIn(folder, started, cores);
  const cases = await createCases(arrangement, seconds);
  const chosen = cases.filter(({ name }) => options.only?.includes(name) ?? true);
  const results = await measure(chosen, {
    load: arrangement.load,
    seconds,
    rounds,
    progress,
  });
  return {
    setting: {
      cpu: cpus()[0]?.model ?? 'unknown CPU',
      cores: cpus().length,
      node: process.versions.node,
      pinned: cores,
      concurrency,
      seconds,
      rounds,
    },
    results,
    targets: judgeTargets(results),
  };
}

function save(report: Report): void {
  writeFileSync(join(import.meta.dirname, 'results.svg'), toSvg(report));
  const page = `# What it measured\n\n\`npm run bench -- --save\` ([docs/bench.md](../docs/bench.md)).\n\n![CPU a request](results.svg)\n\n`;
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page + toMarkdown(report));
}

async function interrupted(): Promise<never> {
  throw new LocalError(`ended by ${await endSignal()}`);
}
