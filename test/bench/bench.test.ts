import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { caseNames, isFullCase } from '../../bench/cases/all.ts';
import { readBenchOptions } from '../../bench/options.ts';
import type { Stretch } from '../../bench/overload.ts';
import { type Report, stretchesToMarkdown } from '../../bench/report.ts';
import { runLocal } from '../local/command.ts';

// Some twenty cases, with what they need, on a machine that is busy.
t.setTimeout(240_000);

/** Runs it with a short round, and sees to it that it leaves nothing behind. */
async function benchOnce(t: Test, ...args: readonly string[]): Promise<Report> {
  const TMPDIR = t.testdir({});
  const short = ['--json', '--seconds', '0.3', '--rounds', '1'];
  const run = runLocal('bench', [...short, ...args], { TMPDIR });
  t.equal(await run.ended, 0, run.stderr());
  t.same(readdirSync(TMPDIR), []);
  return JSON.parse(run.stdout()) as Report;
}

function checkResults(t: Test, { results, targets }: Report): void {
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

t.test('a short run measures every case without an error, and leaves nothing behind', async (t) => {
  const report = await benchOnce(t);
  const { results, leftOut, figures, targets, setting } = report;
  t.match(setting, { node: process.versions.node, seconds: 0.3, rounds: 1 });
  t.same(
    caseNames.filter((name) => !isFullCase(name) && !leftOut.includes(name)),
    results.map(({ name }) => name),
  );
  const optional = ['nginx', 'haproxy', 'keyserver-memory', 'keyserver-mysql'];
  t.same(
    leftOut.filter((name) => !optional.includes(name)),
    [],
    'what every machine has is measured',
  );
  checkResults(t, report);
  for (const { name, value, spread } of figures) {
    t.ok(value > 0 && spread[0] <= value && value <= spread[1], name);
  }
  const judgedAnywhere = 6;
  const lacking = leftOut.filter((name) => name !== 'haproxy').length;
  t.equal(targets.length, judgedAnywhere + optional.length - 1 - lacking);
});

t.test('the long cases are measured when asked for', async (t) => {
  const names = [...caseNames.filter(isFullCase), 'memory'];
  const report = await benchOnce(t, '--mib', '64', '--only', names.join(','));
  t.same(
    report.results.map(({ name }) => name),
    caseNames.filter(isFullCase),
  );
  checkResults(t, report);
  t.same(
    report.figures.map(({ name }) => name),
    ['memory-down', 'memory-up'],
  );
  t.equal(report.targets.length, 3);
});

t.test('--full adds the long ones, --only is exact', async (t) => {
  const { cases: usual, figures } = readBenchOptions([]);
  t.same(usual.filter(isFullCase), []);
  t.notOk(figures.includes('memory'));
  const full = readBenchOptions(['--full']);
  t.same(full.cases, caseNames);
  t.ok(full.figures.includes('memory'));
  const only = readBenchOptions(['--only', 'warm,start']);
  t.same([only.cases, only.figures], [['warm'], ['start']]);
});

for (const test of ['overload', 'soak'] as const) {
  t.test(`a short ${test} tells how the service fared`, async (t) => {
    const TMPDIR = t.testdir({});
    const bench = runLocal('bench', ['--json', `--${test}`, '0.6'], { TMPDIR });
    t.equal(await bench.ended, 0, bench.stderr());
    const stretches = JSON.parse(bench.stdout()) as Stretch[];
    t.equal(stretches.length, test === 'overload' ? 5 : 8);
    for (const { what, goodput, residentMib, openFiles } of stretches) {
      t.ok(goodput > 0 && residentMib > 0 && openFiles > 0, what);
    }
    t.match(stretchesToMarkdown(stretches), '| top |');
    t.same(readdirSync(TMPDIR), []);
  });
}

t.test('wrong options are explained', async (t) => {
  const wrong = [
    ['--minutes', '1'],
    ['--seconds', 'x'],
    ['--rounds', '0'],
    ['--only', 'warm,hot'],
  ];
  for (const args of wrong) {
    t.throws(() => readBenchOptions(args), {
      name: 'LocalError',
      message: new RegExp(`${args[0]}`),
    });
  }
});
