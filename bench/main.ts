/**
 * `npm run bench`, with the options of docs/bench.md: the cost of a call, warm and cold, beside that of a peer
 * with the same work in the same run. Linux only, since CPU time is read from /proc. The exit code is 1 if a
 * request failed: the numbers would mean nothing.
 */
import { platform } from 'node:os';
import { endSignal, print, runCommand } from '../local/command.ts';
import { LocalError } from '../local/local-error.ts';
import { bench } from './bench.ts';
import { findCores } from './machine/cores.ts';
import { Parts } from './machine/parts.ts';
import { loadTest } from './measure/overload.ts';
import { timeRefusals } from './measure/refusals.ts';
import { type BenchOptions, readBenchOptions } from './options.ts';
import { type Arrangement, arrange } from './pair/arrangement.ts';
import { loadTestToMarkdown, refusalsToMarkdown, toMarkdown } from './report/report.ts';
import { saveReport } from './report/save.ts';

/** The results, for scripts and for people. */
interface Told {
  readonly json: object;
  readonly markdown: string;
  /** Cases in which requests failed. */
  readonly failed?: readonly string[];
}

await runCommand('bench', async () => {
  const options = readBenchOptions(process.argv.slice(2));
  if (platform() !== 'linux') throw new LocalError('CPU time is read from /proc: run it on Linux');
  const parts = new Parts(findCores());
  try {
    const told = await Promise.race([
      arrange(parts).then((arrangement) => run(arrangement, options)),
      interrupted(),
    ]);
    print(options.json ? JSON.stringify(told.json, undefined, 2) : told.markdown);
    const { failed = [] } = told;
    if (failed.length > 0) throw new LocalError(`requests failed in: ${failed.join(', ')}`);
    return 0;
  } finally {
    await parts.close();
  }
});

async function run(arrangement: Arrangement, options: BenchOptions): Promise<Told> {
  if (options.refusals > 0) {
    const json = await timeRefusals(arrangement, options.refusals);
    return { json, markdown: refusalsToMarkdown(json) };
  }
  for (const test of ['overload', 'soak'] as const) {
    if (options[test] === 0) continue;
    const json = await loadTest(arrangement, test, options[test], progress);
    return { json, markdown: loadTestToMarkdown(json) };
  }
  const json = await bench(arrangement, options, progress);
  if (options.save) saveReport(json);
  const failed = json.results.filter(({ errors }) => errors > 0).map(({ name }) => name);
  return { json, markdown: toMarkdown(json), failed };
}

/** To stderr, so that stdout can go into a file. */
function progress(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

async function interrupted(): Promise<never> {
  throw new LocalError(`ended by ${await endSignal()}`);
}
