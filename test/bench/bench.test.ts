import { readdirSync } from 'node:fs';
import t from 'tap';
import { caseNames } from '../../bench/cases.ts';
import { readBenchOptions } from '../../bench/options.ts';
import type { Stretch } from '../../bench/overload.ts';
import { type Report, stretchesToMarkdown } from '../../bench/report.ts';
import { runLocal } from '../local/command.ts';

/** Those that a machine may lack. */
const optional = ['nginx', 'haproxy'];

// Some twenty cases on a machine that is busy.
t.setTimeout(180_000);

t.test('a short run measures every case without an error, and leaves nothing behind', async (t) => {
  const TMPDIR = t.testdir({});
  const bench = runLocal('bench', ['--json', '--seconds', '0.3', '--rounds', '1'], { TMPDIR });
  t.equal(await bench.ended, 0, bench.stderr());
  const { results, targets, setting } = JSON.parse(bench.stdout()) as Report;
  t.match(setting, { node: process.versions.node, seconds: 0.3, rounds: 1 });
  t.same(
    results.map(({ name }) => name).filter((name) => !optional.includes(name)),
    caseNames.filter((name) => !optional.includes(name)),
  );
  for (const { name, requests, errors, cpuMicroseconds, p50Ms, p99Ms } of results) {
    t.ok(requests > 0, `${name}: asks`);
    t.equal(errors, 0, `${name}: is answered`);
    t.ok(cpuMicroseconds > 0, `${name}: reads CPU time`);
    t.ok(p50Ms > 0 && p50Ms <= p99Ms, `${name}: has latencies`);
  }
  t.same(
    targets.map(({ target }) => target),
    results.some(({ name }) => name === 'nginx') ? [0.75, 4.5, 0.2] : [0.75, 0.2],
  );
  for (const { value, target, met } of targets) t.equal(met, value <= target);
  t.same(readdirSync(TMPDIR), []);
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
