import type { Test } from 'tap';
import type { LoadTest, LoadTestReport } from '../../bench/measure/overload.ts';
import { loadTestToMarkdown, type Report } from '../../bench/report/report.ts';

/** Invariants of every case and target, whatever was measured. */
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

/** Invariants of an overload or a soak of any length. */
export function checkLoadTest(t: Test, test: LoadTest, report: LoadTestReport): void {
  const { stretches } = report;
  t.equal(stretches.length, test === 'overload' ? 6 : 9);
  for (const { what, residentMib, openFiles } of stretches) {
    t.ok(residentMib > 0 && openFiles > 0, what);
  }
  // On a busy machine no call may end within a short stretch.
  t.ok(
    stretches.some(({ goodput }) => goodput > 0),
    'calls were answered',
  );
  t.match(
    loadTestToMarkdown(report),
    test === 'overload' ? 'Of three times the top, ' : 'RSS grew by ',
  );
}
