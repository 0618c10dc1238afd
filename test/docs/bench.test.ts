import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CaseName } from '../../bench/cases/all.ts';
import type { Report } from '../../bench/report/report.ts';
import { resultsFile } from '../../bench/report/save.ts';
import { root } from './sources.ts';

const page = readFileSync(join(root, 'docs/bench.md'), 'utf8');
const { results, figures } = JSON.parse(readFileSync(resultsFile, 'utf8')) as Report;
const cost = (name: CaseName, part: string) =>
  results.find((one) => one.name === name)?.cpuByPart[part] ?? Number.NaN;
const costs = [
  cost('warm', 'SecureProxy'),
  cost('cold', 'SecureProxy'),
  cost('keyserver-mysql', 'KeyServer'),
  cost('keyserver-mysql', 'database'),
];
const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

t.test('the costs that docs/bench.md sizes by are those of the saved run', async (t) => {
  for (const us of costs) t.match(page, `| ${us.toFixed(0)} | ${grouped(1e6 / us)} |`);
});

t.test(
  'the point that docs/bench.md checks its arithmetic by is that of the saved run',
  async (t) => {
    const top = figures.find(({ name }) => name === 'top');
    if (top === undefined) throw new Error('the saved run has no top');
    const predicted = 1e6 / (costs[0] ?? Number.NaN);
    const prose = page.replaceAll(/\s+/g, ' ');
    t.match(prose, `measured ${grouped(top.value)}, `);
    t.match(prose, `off by ${Math.abs(100 * (predicted / top.value - 1)).toFixed(0)} %`);
    t.match(prose, `${top.spread.map(grouped).join(' to ')},`);
  },
);

t.test('the example of docs/bench.md follows from its costs', async (t) => {
  const [calls, misses] = [100_000, 0.01];
  const [warm = 0, cold = 0, release = 0, row = 0] = costs.map(Math.round);
  const cores = (usEachSecond: number) => Math.max(2, Math.ceil(usEachSecond / 600_000));
  const proxies = cores(calls * ((1 - misses) * warm + misses * cold));
  const expected = [
    proxies,
    cores((calls * misses + proxies) * release),
    cores(calls * misses * row),
  ];
  t.same(
    [...page.matchAll(/\/ 600,000 \| (\d+) \|$/gm)].map(([, count]) => Number(count)),
    expected,
  );
});
