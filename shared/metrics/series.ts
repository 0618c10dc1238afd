import type {
  Metric,
  MetricObjectWithValues,
  MetricValueWithName,
  Registry,
} from '@prometheus-io/client';

interface SeriesOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly registry: Registry;
}

/** Maximum number of series of one metric; observations of further ones count together. */
const maxSeries = 1000;
/** OpenTelemetry's label of those (metrics SDK, "Overflow attribute"). */
const overflow = { otel_metric_overflow: 'true' };

type Labels = Readonly<Record<string, string>>;
type LabelValues = readonly (string | number)[];
type Value = MetricValueWithName<string>;

interface Series<T> {
  readonly labels: Labels;
  readonly state: T;
}

/**
 * A metric by labels. The registry's own classes hash an object of labels for each observation, which costs
 * several times as much; only their exposition is used.
 */
abstract class SeriesByLabels<T> {
  readonly #options: SeriesOptions;
  readonly #byKey = new Map<string, Series<T>>();
  #overflown: Series<T> | undefined;
  #newest: { readonly values: LabelValues; readonly series: Series<T> } | undefined;

  constructor(options: SeriesOptions) {
    this.#options = options;
    options.registry.registerMetric(this as unknown as Metric);
  }

  protected abstract readonly type: 'counter' | 'histogram';
  protected abstract newState(): T;
  protected abstract valuesOf(name: string, labels: Labels, state: T): Value[];

  /** By which the registry keeps it. */
  get name(): string {
    return this.#options.name;
  }

  async get(): Promise<MetricObjectWithValues<Value>> {
    const { name, help } = this.#options;
    const { type } = this;
    const all = [...this.#byKey.values(), ...(this.#overflown ? [this.#overflown] : [])];
    const values = all.flatMap(({ labels, state }) => this.valuesOf(name, labels, state));
    return { name, help, type, aggregator: 'sum', values } as MetricObjectWithValues<Value>;
  }

  /** Values of labels in the order of their names; an empty one is omitted. */
  protected stateOf(values: LabelValues): T {
    // Most observations have the same labels as the one before.
    if (this.#newest === undefined || !areEqual(this.#newest.values, values)) {
      const key = values.join('\n');
      this.#newest = { values, series: this.#byKey.get(key) ?? this.#add(key, values) };
    }
    return this.#newest.series.state;
  }

  #add(key: string, values: LabelValues): Series<T> {
    if (this.#byKey.size >= maxSeries) {
      this.#overflown ??= { labels: overflow, state: this.newState() };
      return this.#overflown;
    }
    const { labels: names = [] } = this.#options;
    const named = names.map((label, at) => [label, String(values[at])] as const);
    const labels = Object.fromEntries(named.filter(([, value]) => value !== ''));
    const series = { labels, state: this.newState() };
    this.#byKey.set(key, series);
    return series;
  }
}

function areEqual(some: LabelValues, others: LabelValues): boolean {
  return some.every((value, at) => value === others[at]);
}

interface Count {
  total: number;
}

export class Counts extends SeriesByLabels<Count> {
  protected readonly type = 'counter';

  add(amount: number, values: LabelValues): void {
    this.stateOf(values).total += amount;
  }

  protected newState(): Count {
    return { total: 0 };
  }

  protected valuesOf(metricName: string, labels: Labels, { total }: Count): Value[] {
    return [{ metricName, labels, value: total }];
  }
}

/** Upper bounds in seconds that OpenTelemetry's HTTP conventions advise. */
const boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

interface Distribution {
  /** By bucket, not cumulative; the last is above all bounds. */
  readonly counts: Float64Array;
  sumSeconds: number;
}

export class Durations extends SeriesByLabels<Distribution> {
  protected readonly type = 'histogram';

  /** @param milliseconds one observation */
  add(milliseconds: number, values: LabelValues): void {
    const distribution = this.stateOf(values);
    const seconds = milliseconds / 1000;
    let bucket = 0;
    while (seconds > (boundsSeconds[bucket] ?? Infinity)) bucket += 1;
    distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + 1;
    distribution.sumSeconds += seconds;
  }

  protected newState(): Distribution {
    return { counts: new Float64Array(boundsSeconds.length + 1), sumSeconds: 0 };
  }

  protected valuesOf(name: string, labels: Labels, { counts, sumSeconds }: Distribution): Value[] {
    let total = 0;
    const buckets = [...boundsSeconds, '+Inf'].map((le, at) => {
      total += counts[at] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: String(le) }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sumSeconds },
      { metricName: `${name}_count`, labels, value: total },
    ];
  }
}
