import type { CaseName } from '../cases/all.ts';
import type { FigureName } from '../figures/all.ts';
import type { Figure } from '../figures/figure.ts';
import type { Result, RoundCost } from '../measure/measure.ts';
import { median } from '../measure/median.ts';

/** A bound of a figure, or of a ratio of two cases (the median of the ratios by round). */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly bound: 'at most' | 'at least';
  readonly target: number;
  readonly met: boolean;
}

/** Judges the targets whose cases were measured. Most are ratios of CPU a request, which vary less than throughput. */
export function judgeTargets(
  results: readonly Result[],
  figures: readonly Figure<FigureName>[],
): Target[] {
  const roundsOf = (name: CaseName) => results.find((one) => one.name === name)?.rounds ?? [];
  // By round, since a machine may change its pace from one round to the next.
  const ratio = (
    of: keyof RoundCost,
    names: readonly CaseName[],
    combine: (first: number, second: number, third: number) => number,
  ) => {
    const [first = [], second = [], third = second] = names.map(roundsOf);
    const value = (rounds: readonly RoundCost[], i: number) => rounds[i]?.[of] ?? Number.NaN;
    return median(first.map((_, i) => combine(value(first, i), value(second, i), value(third, i))));
  };
  const costRatio = (name: CaseName, to: CaseName) =>
    ratio('cpuMicroseconds', [name, to], (one, other) => one / other);
  const rateRatio = (name: CaseName, to: CaseName) =>
    ratio('requestsPerSecond', [name, to], (one, other) => one / other);
  const value = (name: FigureName) => figures.find((one) => one.name === name)?.value ?? Number.NaN;
  // RSA's cost at KeyServer only; the proxy's wrapping, which would lower the ratio, is left out.
  const coldToRsa = ratio(
    'cpuMicroseconds',
    ['cold', 'keyserver-rsa', 'keyserver-ticket'],
    (cold, rsa, ticket) => cold / (cold + rsa - ticket),
  );
  return [
    atMost(0.75, 'warm call to @fastify/reply-from, CPU', costRatio('warm', 'peer')),
    atMost(4.5, 'warm call to nginx, CPU', costRatio('warm', 'nginx')),
    atMost(1, 'GET by /forward to @fastify/reply-from, CPU', costRatio('forward-get', 'peer-get')),
    atMost(
      1.1,
      '100 KB by /forward to @fastify/reply-from, CPU',
      costRatio('forward-100k-up', 'peer-stream-100k'),
    ),
    atMost(
      1.1,
      '10 MB by /forward to @fastify/reply-from, CPU',
      costRatio('forward-10m-up', 'peer-stream-10m'),
    ),
    atMost(0.2, 'cold call by ticket to one by RSA-3072, CPU of both services', coldToRsa),
    atMost(
      1.3,
      'cold call with 1,000,000 tokens stored to one with 100, CPU of both services',
      costRatio('cold-1m-rows', 'cold-100-rows'),
    ),
    atLeast(
      0.4,
      'KeyServer by ticket with rows in MariaDB to a bare Fastify POST, requests/s',
      rateRatio('keyserver-mysql', 'bare'),
    ),
    atLeast(
      0.55,
      'KeyServer by ticket with rows in memory to a bare Fastify POST, requests/s',
      rateRatio('keyserver-memory', 'bare'),
    ),
    atMost(3, 'warm p99 to p50 at half the top', value('half-top-p99-to-p50')),
    atMost(
      20,
      "p99 of KeyServer's event loop's delay in a storm of RSA, ms",
      value('storm-delay-p99'),
    ),
    atMost(32, 'growth by a second GiB from the marketplace, MiB', value('memory-down')),
    atMost(32, 'growth by a second GiB to the marketplace, MiB', value('memory-up')),
    atMost(1, 'KeyServer from start to ready, s', value('start-keyserver') / 1000),
    atMost(1, 'SecureProxy from start to ready, s', value('start-secureproxy') / 1000),
  ].filter(({ value }) => !Number.isNaN(value));
}

function atMost(target: number, name: string, value: number): Target {
  return { name, value, bound: 'at most', target, met: value <= target };
}

function atLeast(target: number, name: string, value: number): Target {
  return { name, value, bound: 'at least', target, met: value >= target };
}
