import type { GaugeOptions } from '../metrics/metrics.ts';
import type { ExpiryWatch } from '../tls/expiry-watch.ts';

/** How long each certificate is valid. */
export function certificateGauge(watch: ExpiryWatch): GaugeOptions {
  return {
    name: 'certificate_seconds_left',
    help: 'Time until a certificate ends, by the setting that names its file',
    label: 'certificate',
    aggregator: 'min',
    read: () => watch.secondsLeft(),
  };
}
