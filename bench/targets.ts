import type { CaseName } from './cases/all.ts';
import type { FigureName } from './figures/all.ts';
import type { Figure } from './figures/figure.ts';
import type { Result } from './measure.ts';

/** A ratio of two cases in the same run, or a figure, and what it must keep to. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly bound: 'at most' | 'at least';
  readonly target: number;
  readonly met: boolean;
}

/** Judges what was measured of what the targets compare. Most are ratios of CPU a request, which vary less than throughput. */
export function judgeTargets(
  results: readonly Result[],
  figures: readonly Figure<FigureName>[],
): Target[] {
  const result = (name: CaseName) => results.find((one) => one.name === name);
  const cost = (name: CaseName) => result(name)?.cpuMicroseconds ?? Number.NaN;
  const rate = (name: CaseName) => result(name)?.requestsPerSecond ?? Number.NaN;
  const value = (name: FigureName) => figures.find((one) => one.name === name)?.value ?? Number.NaN;
  // What RSA adds at KeyServer alone. The proxy's own wrapping would be in our favour.
  const coldWithRsa = cost('cold') + cost('keyserver-rsa') - cost('keyserver-ticket');
  return [
    atMost(0.75, 'warm call to @fastify/reply-from, CPU', cost('warm') / cost('peer')),
    atMost(4.5, 'warm call to nginx, CPU', cost('warm') / cost('nginx')),
    atMost(
      0.2,
      'cold call by ticket to one by RSA-3072, CPU of both services',
      cost('cold') / coldWithRsa,
    ),
    atMost(
      1.3,
      'cold call with 1,000,000 tokens stored to one with 100, CPU of both services',
      cost('cold-1m-rows') / cost('cold-100-rows'),
    ),
    atLeast(
      0.4,
      'KeyServer by ticket with rows in MariaDB to a bare Fastify POST, requests/s',
      rate('keyserver-mysql') / rate('bare'),
    ),
    atLeast(
      0.55,
      'KeyServer by ticket with rows in memory to a bare Fastify POST, requests/s',
      rate('keyserver-memory') / rate('bare'),
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
