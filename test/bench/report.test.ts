import t from 'tap';
import type { CaseName } from '../../bench/cases/all.ts';
import { figure } from '../../bench/figures/figure.ts';
import type { Result } from '../../bench/measure/measure.ts';
import { median } from '../../bench/measure/median.ts';
import { toSvg } from '../../bench/report/chart.ts';
import { merge } from '../../bench/report/merge.ts';
import { type Report, type Setting, toMarkdown } from '../../bench/report/report.ts';
import { judgeTargets } from '../../bench/report/targets.ts';

const result = (name: CaseName, ...byRound: number[]): Result => {
  const cpuMicroseconds = median(byRound);
  return {
    name,
    title: `case ${name}`,
    requests: 1000,
    errors: 0,
    requestsPerSecond: 1_000_000 / cpuMicroseconds,
    cpuMicroseconds,
    cpuSpread: [cpuMicroseconds - 1, cpuMicroseconds + 1],
    rounds: byRound.map((cost) => ({ cpuMicroseconds: cost, requestsPerSecond: 1_000_000 / cost })),
    cpuByPart: {},
    residentMib: 100,
    coresBusy: 1,
    p50Ms: 1,
    p99Ms: 2,
  };
};
const results = [
  result('peer', 80),
  result('warm', 60),
  result('nginx', 15),
  result('cold', 200),
  result('keyserver-ticket', 50),
  result('keyserver-rsa', 950),
];

const setting: Setting = {
  cpu: 'CPU <&>',
  cores: 2,
  node: '24.0.0',
  pinned: { server: 0, load: 1, database: 1 },
  concurrency: 16,
  seconds: 2,
  rounds: 5,
  starts: 1,
};
const starts = [
  figure('start-keyserver', 'KeyServer: start to ready', 'ms', [900, 1000, 1100]),
  figure('start-secureproxy', 'SecureProxy: start to ready', 'ms', [1001]),
] as const;

t.test('a target at its limit is met, and one above is not', async (t) => {
  t.match(judgeTargets(results, starts), [
    { value: 0.75, target: 0.75, met: true },
    { value: 4, target: 4.5, met: true },
    // 200 / (200 + 950 - 50): RSA comes on top at KeyServer, where a ticket goes.
    { value: 200 / 1100, target: 0.2, met: true },
    { value: 1, target: 1, met: true },
    { value: 1.001, target: 1, met: false },
  ]);
  const slower = results.map((one) => (one.name === 'warm' ? result('warm', 61) : one));
  t.match(judgeTargets(slower, [])[0], { met: false });
});

t.test('what lies together is compared', async (t) => {
  // The machine was slower by half in the second round, and by as much again in the third.
  const byRound = [result('peer', 100, 200, 400), result('warm', 70, 140, 800)];
  t.match(judgeTargets(byRound, []), [{ value: 0.7 }]);
});

t.test('a rate may be above its target, and not below', async (t) => {
  const bare = result('bare', 40);
  for (const [cost, met] of [
    [99, true],
    [100, true],
    [101, false],
  ] as const) {
    const [judged] = judgeTargets([bare, result('keyserver-mysql', cost)], []);
    t.match(judged, { value: 40 / cost, bound: 'at least', target: 0.4, met });
  }
});

t.test('a target is judged where what it compares was measured', async (t) => {
  t.same(judgeTargets([], []), []);
  const withoutNginx = results.filter(({ name }) => name !== 'nginx');
  t.equal(judgeTargets(withoutNginx, []).length, judgeTargets(results, []).length - 1);
});

t.test('the tables name the machine, and have ratios to the peer', async (t) => {
  const text = toMarkdown({
    setting,
    leftOut: ['haproxy'],
    results,
    figures: starts,
    targets: judgeTargets(results, []),
  });
  t.match(text, 'CPU <&>, 2 cores; Node 24.0.0; services on core 0');
  t.match(text, 'no such thing: haproxy.');
  t.match(text, '| case warm | 60.0 | 59 to 61 | 0.75 | 16667 | 1.33 |');
  t.match(text, '| KeyServer: start to ready | ms | 1000.0 | 900.0 to 1100.0 |');
  t.match(text, /\| warm call .* \| 0\.75 \| at most 0\.75 \| yes \|/);
});

t.test('the rounds of all starts count alike', async (t) => {
  // V8 made one start of the peer faster than the others.
  const start = (...of: Result[]): Report => ({
    ...{ setting, leftOut: [], figures: starts, targets: [] },
    results: of,
  });
  const merged = merge([
    start(result('peer', 80, 81, 82), result('warm', 60, 60, 60)),
    start(result('peer', 50, 50, 50), result('warm', 61, 61, 61)),
    start(result('peer', 80, 80, 80), { ...result('warm', 60, 60, 60), errors: 1, p99Ms: 9 }),
  ]);
  t.match(merged.results, [
    { name: 'peer', cpuMicroseconds: 80, cpuSpread: [50, 82], requests: 3000, errors: 0 },
    { name: 'warm', cpuMicroseconds: 60, cpuSpread: [60, 61], errors: 1, p99Ms: 2 },
  ]);
  t.equal(merged.results[0]?.rounds.length, 9);
  t.match(merged.targets[0], { value: 0.75, met: true });
  t.match(toMarkdown(merged), 'medians of 5 interleaved rounds of 2 s for each of 3 starts of all');
});

t.test('the chart has a bar for each case that compares', async (t) => {
  const svg = toSvg({
    setting,
    leftOut: [],
    results: [...results, result('warm-10m-down', 80_000)],
    figures: [],
    targets: [],
  });
  t.equal(svg.match(/class="(?:ours|peer)"/g)?.length, results.length, 'without the huge one');
  t.match(svg, 'CPU &lt;&amp;>');
  t.match(svg, 'case warm</text>');
  t.match(svg, '60 µs</text>');
});

t.test('the median leaves out one noisy round', async (t) => {
  t.equal(median([3, 1000, 1, 2, 4]), 3);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.equal(median([7]), 7);
});
