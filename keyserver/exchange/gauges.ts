import type { GaugeOptions } from '../../shared/metrics/metrics.ts';
import type { Sessions } from './sessions.ts';

/** New sessions that wait: those of strangers must not delay those of known proxies and apps. */
export function unwrapGauge(sessions: Pick<Sessions, 'waiting'>): GaugeOptions {
  return {
    name: 'unwraps_waiting',
    help: 'New sessions that wait for the unwrap of their key, by whether their senders are known',
    label: 'sender',
    read: () => Object.entries(sessions.waiting),
  };
}
