import { type Aggregator, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client';
import type { CountRequest } from '../log/request-log.ts';
import { version } from '../settings/version.ts';
import { firstNames } from './first-names.ts';
import { requestMetrics, type ServiceName } from './request-metrics.ts';
import { Counts } from './series.ts';

export interface GaugeOptions {
  /** Without the service's name. */
  readonly name: string;
  readonly help: string;
  /** Name of its label, if it has values by name. */
  readonly label?: string;
  /** How the values of several processes are joined; the sum by default. */
  readonly aggregator?: Aggregator;
  readonly read: () => number | Iterable<readonly [name: string, value: number]>;
}

/** The metrics of one process of a service, in Prometheus' text format (docs/metrics.md). */
export class Metrics {
  readonly countRequest: CountRequest;
  readonly text: () => Promise<string>;
  readonly #service: ServiceName;
  readonly #registry = new Registry();

  /** @param textOf how to write the metrics, if not only those of this process */
  constructor(service: ServiceName, textOf?: (registry: Registry) => () => Promise<string>) {
    const registry = this.#registry;
    this.#service = service;
    collectDefaultMetrics({ register: registry });
    this.countRequest = requestMetrics(service, registry);
    this.gauge({
      name: 'info',
      help: 'The version; always 1',
      label: 'version',
      aggregator: 'first',
      read: () => [[version, 1]],
    });
    this.text = textOf?.(registry) ?? (() => registry.metrics());
  }

  /** Adds a counter by one label, of whose values the first 50 keep their names. Returns what counts one. */
  counter(name: string, help: string, label: string): (value: string) => void {
    const options = { name: `${this.#service}_${name}`, help, labels: [label] };
    const counts = new Counts({ ...options, registry: this.#registry });
    const nameOf = firstNames();
    return (value) => counts.add(1, [nameOf(value)]);
  }

  gauge({ name, help, label, aggregator = 'sum', read }: GaugeOptions): void {
    new Gauge({
      name: `${this.#service}_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      aggregator,
      registers: [this.#registry],
      collect() {
        const values = read();
        if (typeof values === 'number') this.set(values);
        else {
          this.reset();
          for (const [value, amount] of values) this.set({ [label ?? '']: value }, amount);
        }
      },
    });
  }
}
