import { tickMs } from '../load/paced.ts';
import { table } from '../report/table.ts';
import type { Costs, Points } from './costs.ts';
import { simulate } from './simulate.ts';
import { sizeFor } from './size.ts';

const seed = 1;
const requests = 400_000;
const rates = [1e3, 1e5, 1e7];
const hitRatios = [0.99, 0.9];
/** Of a machine with 16, so that the network's interrupts have some. */
const coresUsed = 14;

/** What docs/scale.md has of the program: costs, how far off one worker's prediction is, and deployments. */
export function scaleTables(costs: Costs, points: Points): string {
  return [costTable(costs), checkTable(costs, points), deploymentTable(costs)].join('\n\n');
}

function costTable(costs: Costs): string {
  const perCore = (us: number) => [us.toFixed(0), (1e6 / us).toFixed(0)];
  return table(
    ['a core of', 'µs a request', 'at most, requests/s'],
    [
      ['SecureProxy, release kept', ...perCore(costs.proxyHit)],
      ['SecureProxy, release asked for', ...perCore(costs.proxyMiss)],
      ['KeyServer, one release', ...perCore(costs.keyserver)],
      ['MariaDB, one release', ...perCore(costs.database)],
    ],
  ).join('\n');
}

function checkTable(costs: Costs, points: Points): string {
  const one = { costs, hitRatio: 1, proxies: 1, keyservers: 1, databases: 1, requests, seed };
  const { concurrency: callers, top } = points;
  const closed = simulate({ ...one, arrivals: { kind: 'callers', callers } });
  const half = simulate({ ...one, arrivals: { kind: 'ticks', rate: top / 2, tickMs } });
  const row = (name: string, measured: number, predicted: number, digits: number) => [
    name,
    measured.toFixed(digits),
    predicted.toFixed(digits),
    `${((predicted / measured - 1) * 100).toFixed(0)} %`,
  ];
  return table(
    ['one SecureProxy, release kept', 'measured', 'simulated', 'off by'],
    [
      row(`the most of ${callers} callers, requests/s`, top, closed.throughput, 0),
      row('p50 at half of it, ms', points.halfTopP50, half.p50Ms, 2),
      row('p99 at half of it, ms', points.halfTopP99, half.p99Ms, 2),
    ],
  ).join('\n');
}

function deploymentTable(costs: Costs): string {
  const rows = rates.flatMap((rate) =>
    hitRatios.map((hitRatio) => {
      const size = sizeFor(costs, rate, hitRatio);
      const arrivals = { kind: 'poisson', rate } as const;
      const told = simulate({ costs, hitRatio, ...size, arrivals, requests, seed });
      const { proxies, keyservers, databases } = told.utilisation;
      const cores = [size.proxies, size.keyservers, size.databases];
      const machines = cores.map((count) => Math.max(2, Math.ceil(count / coresUsed)));
      return [
        `${grouped(rate)}, ${hitRatio * 100} % kept`,
        ...cores.map(grouped),
        machines.map(grouped).join(' + '),
        [proxies, keyservers, databases].map((share) => share.toFixed(2)).join(' / '),
        grouped(Math.round(told.throughput)),
        told.p50Ms.toFixed(2),
        told.p99Ms.toFixed(2),
      ];
    }),
  );
  return table(
    [
      'requests/s',
      'SecureProxy cores',
      'KeyServer cores',
      'database cores',
      'machines',
      'utilisation',
      'simulated requests/s',
      'p50 ms',
      'p99 ms',
    ],
    rows,
  ).join('\n');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
