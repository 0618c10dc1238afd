import type { Clock } from '../../shared/clock.ts';
import type { GaugeOptions } from '../../shared/metrics/metrics.ts';
import type { Registry } from './registry.ts';

/** Maximum number of apps or proxies with a series of their own: those whose keys end first. */
const maxNames = 20;

export function registryGauges(
  registry: Pick<Registry, 'rejected' | 'keyEnds'>,
  clock: Pick<Clock, 'now'>,
): GaugeOptions[] {
  const secondsLeft = (kind: 'app' | 'proxy'): GaugeOptions => ({
    name: `${kind}_key_seconds_left`,
    help: `Time until the first key of each ${kind} ends, of keys that still work and have an end`,
    label: kind,
    aggregator: 'min',
    read: () => firstEnds(registry.keyEnds(kind), clock.now()),
  });
  return [
    {
      name: 'documents_rejected',
      help: 'Types, apps and proxies that do not open, or are older than ones seen before',
      aggregator: 'max',
      read: () => registry.rejected,
    },
    secondsLeft('app'),
    secondsLeft('proxy'),
  ];
}

function firstEnds(
  ends: Iterable<readonly [id: string, endsAt: number]>,
  nowMs: number,
): [id: string, seconds: number][] {
  const first = new Map<string, number>();
  for (const [id, endsAt] of ends) {
    const seconds = (endsAt - nowMs) / 1000;
    if (seconds > 0) first.set(id, Math.min(seconds, first.get(id) ?? Infinity));
  }
  return [...first].sort(([, one], [, other]) => one - other).slice(0, maxNames);
}
