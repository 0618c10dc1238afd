import type { GaugeOptions } from '../../shared/metrics/metrics.ts';
import { topNames } from '../../shared/metrics/top-names.ts';
import type { Holder, Holders } from './holders.ts';
import type { Shares } from './shares.ts';

/** Calls in progress, and those that wait for a place, by app and by the host that is called. */
export function callGauges({ apps, origins }: Shares): GaugeOptions[] {
  return [
    ...gaugesOf('app', 'app', apps, (app) => app),
    ...gaugesOf(
      'origin',
      'server_address',
      origins,
      (origin, { wildcard }) => wildcard ?? new URL(origin).host,
    ),
  ];
}

function gaugesOf<T extends Holder>(
  kind: string,
  label: string,
  holders: Pick<Holders<T>, 'busy'>,
  nameOf: (name: string, holder: T) => string,
): GaugeOptions[] {
  const read = (count: keyof Holder) =>
    topNames([...holders.busy()].map(([name, holder]) => [nameOf(name, holder), holder[count]]));
  return [
    {
      name: `${kind}_calls`,
      help: `Calls in progress by ${kind}; those with most, the rest as other`,
      label,
      read: () => read('held'),
    },
    {
      name: `${kind}_calls_waiting`,
      help: `Calls that wait for a place by ${kind}; those with most, the rest as other`,
      label,
      read: () => read('waiting'),
    },
  ];
}
