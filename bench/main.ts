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
import { merge } from './report/merge.ts';
import {
  loadTestToMarkdown,
  type Report,
  refusalsToMarkdown,
  toMarkdown,
} from './report/report.ts';
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
  const told = await run(options);
  print(options.json ? JSON.stringify(told.json, undefined, 2) : told.markdown);
  const { failed = [] } = told;
  if (failed.length > 0) throw new LocalError(`requests failed in: ${failed.join(', ')}`);
  return 0;
});

async function run(options: BenchOptions): Promise<Told> {
  const ended = interrupted();
  if (options.refusals > 0) {
    const json = await arranged(ended, (one) => timeRefusals(one, options.refusals));
    return { json, markdown: refusalsToMarkdown(json) };
  }
  for (const test of ['overload', 'soak'] as const) {
    if (options[test] === 0) continue;
    const json = await arranged(ended, (one) => loadTest(one, test, options[test], progress));
    return { json, markdown: loadTestToMarkdown(json) };
  }
  const start = (figures: BenchOptions['figures']) =>
    arranged(ended, (one) => bench(one, { ...options, figures }, progress));
  const starts: [Report, ...Report[]] = [await start(options.figures)];
  while (starts.length < options.starts) starts.push(await start([]));
  const json = merge(starts);
  if (options.save) saveReport(json);
  const failed = json.results.filter(({ errors }) => errors > 0).map(({ name }) => name);
  return { json, markdown: toMarkdown(json), failed };
}

/** Starts the processes for some work, and ends them after it, or if the command is ended. */
async function arranged<T>(
  ended: Promise<never>,
  work: (arrangement: Arrangement) => Promise<T>,
): Promise<T> {
  const parts = new Parts(findCores());
  try {
    return await Promise.race([arrange(parts).then(work), ended]);
  } finally {
    await parts.close();
  }
}

/** To stderr, so that stdout can go into a file. */
function progress(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

async function interrupted(): Promise<never> {
  throw new LocalError(`ended by ${await endSignal()}`);
}
