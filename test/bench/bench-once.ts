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

/** What holds for every case and target, whatever was measured. */
export function checkResults(t: Test, { results, targets }: Report): void {
  for (const one of results) {
    const { name, requests, errors, cpuMicroseconds, cpuByPart, residentMib, p50Ms, p99Ms } = one;
    t.ok(requests > 0, `${name}: asks`);
    t.equal(errors, 0, `${name}: is answered`);
    t.ok(cpuMicroseconds > 0 && residentMib > 0, `${name}: reads CPU time and memory`);
    t.ok(Object.keys(cpuByPart).length > 0, `${name}: tells the processes apart`);
    t.ok(p50Ms > 0 && p50Ms <= p99Ms, `${name}: has latencies`);
  }
  for (const { value, bound, target, met } of targets) {
    t.equal(met, bound === 'at most' ? value <= target : value >= target);
  }
}
