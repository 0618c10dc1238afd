import { readdirSync } from 'node:fs';
import type { Test } from 'tap';
import type { Report } from '../../bench/report/report.ts';
import { runLocal } from '../local/command.ts';

/** Runs the benchmark with a short round, and sees to it that it leaves nothing behind. */
export async function benchOnce(t: Test, ...args: readonly string[]): Promise<Report> {
  const TMPDIR = t.testdir({});
  const short = ['--json', '--seconds', '0.3', '--rounds', '1'];
  const run = runLocal('bench', [...short, ...args], { TMPDIR });
  t.equal(await run.ended, 0, run.stderr());
  t.same(readdirSync(TMPDIR), []);
  return JSON.parse(run.stdout()) as Report;
}
