import type { CaseName } from './cases.ts';
import type { Result } from './measure.ts';

/** A ratio of two costs in the same run, and what it must not exceed. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly target: number;
  readonly met: boolean;
}

/** Judges the results, where the cases that a target compares were measured. All are ratios of CPU a request, which vary less than throughput. */
export function judgeTargets(results: readonly Result[]): Target[] {
  const cost = (name: CaseName) =>
    results.find((result) => result.name === name)?.cpuMicroseconds ?? Number.NaN;
  // What RSA adds at KeyServer alone. The proxy's own wrapping would be in our favour.
  const coldWithRsa = cost('cold') + cost('keyserver-rsa') - cost('keyserver-ticket');
  return [
    target('warm call against @fastify/reply-from, CPU', cost('warm') / cost('peer'), 0.75),
    target('warm call against nginx, CPU', cost('warm') / cost('nginx'), 4.5),
    target(
      'cold call by ticket against one by RSA-3072, CPU of both services',
      cost('cold') / coldWithRsa,
      0.2,
    ),
  ].filter(({ value }) => !Number.isNaN(value));
}

function target(name: string, value: number, limit: number): Target {
  return { name, value, target: limit, met: value <= limit };
}
