import type { Costs } from './costs.ts';
import { EventQueue } from './event-queue.ts';
import { createRandom, exponential } from './random.ts';
import { Station } from './station.ts';

/** How requests come. */
export type Arrivals =
  /** By themselves, `rate` of them a second. */
  | { readonly kind: 'poisson'; readonly rate: number }
  /** As many as are due at every tick of so many milliseconds, as the benchmark's load does. */
  | { readonly kind: 'ticks'; readonly rate: number; readonly tickMs: number }
  /** From so many callers who ask again once they are answered. */
  | { readonly kind: 'callers'; readonly callers: number };

export interface Deployment {
  readonly costs: Costs;
  readonly arrivals: Arrivals;
  /** Share of the calls for which a release is kept, 0 to 1. */
  readonly hitRatio: number;
  /** Processes of SecureProxy and KeyServer, a core each, and cores of the database. */
  readonly proxies: number;
  readonly keyservers: number;
  readonly databases: number;
  /** How many requests are followed. */
  readonly requests: number;
  readonly seed: number;
}

export interface Outcome {
  /** Requests that were answered in a second, between the first that counts and the last. */
  readonly throughput: number;
  /** Shares of their workers' time, 0 to 1. */
  readonly utilisation: Readonly<Record<'proxies' | 'keyservers' | 'databases', number>>;
  /** Without the marketplace's time. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The first requests find empty queues, which later ones do not. */
const warmUpShare = 0.2;
const usPerMs = 1000;
const usPerSecond = 1e6;

/**
 * Follows requests through the queues of a deployment (discrete events; times in microseconds). Each
 * visit takes an exponential time around its share of the measured cost: a call works at SecureProxy
 * before and after the marketplace, and before KeyServer, where it asks that. The marketplace's time is left
 * out: SecureProxy waits for it without working, so that it adds to latency what it is, and to nothing else.
 */
export function simulate(deployment: Deployment): Outcome {
  const { costs, arrivals, hitRatio, requests } = deployment;
  const warmUp = Math.floor(requests * warmUpShare);
  const random = createRandom(deployment.seed);
  const events = new EventQueue();
  const station = (workers: number) => new Station(events, random, workers);
  const proxies = station(deployment.proxies);
  const keyservers = station(deployment.keyservers);
  const databases = station(deployment.databases);
  const latencies: number[] = [];
  let [begun, ended] = [0, 0];
  const time = (mean: number) => exponential(random, mean);

  const stations = { proxies, keyservers, databases };
  const state = () => ({
    at: events.now,
    ended,
    done: mapValues(stations, (one) => one.done()),
  });
  let [first, last] = [state(), state()];

  const askKeyserver = (then: () => void) => {
    const worker = keyservers.pick();
    keyservers.visit(worker, time(costs.keyserver / 2), () =>
      databases.visit(databases.pick(), time(costs.database), () =>
        keyservers.visit(worker, time(costs.keyserver / 2), then),
      ),
    );
  };
  const begin = (then: () => void) => {
    if (begun === warmUp) first = state();
    const isCounted = begun >= warmUp;
    begun += 1;
    if (begun === requests) last = state();
    const began = events.now;
    const worker = proxies.pick();
    const work = (mean: number, next: () => void) => proxies.visit(worker, time(mean), next);
    const send = (mean: number) =>
      work(mean, () =>
        work(mean, () => {
          ended += 1;
          if (isCounted) latencies.push(events.now - began);
          then();
        }),
      );
    if (random() < hitRatio) send(costs.proxyHit / 2);
    else work(costs.proxyMiss / 3, () => askKeyserver(() => send(costs.proxyMiss / 3)));
  };

  if (arrivals.kind === 'callers') {
    const again = () => {
      if (begun < requests) begin(again);
    };
    for (let caller = 0; caller < arrivals.callers; caller++) events.schedule(0, again);
  } else {
    const gap = usPerSecond / arrivals.rate;
    const arrive = (due: number) => {
      if (begun >= requests) return;
      begin(() => {});
      const next = due + (arrivals.kind === 'poisson' ? time(gap) : gap);
      const at = arrivals.kind === 'poisson' ? next : tickAfter(next, arrivals.tickMs);
      events.schedule(at, () => arrive(next));
    };
    events.schedule(0, () => arrive(0));
  }
  events.runAll();

  latencies.sort((a, b) => a - b);
  const percentile = (share: number) =>
    (latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN) / usPerMs;
  const span = last.at - first.at;
  return {
    throughput: ((last.ended - first.ended) * usPerSecond) / span,
    utilisation: mapValues(
      stations,
      ({ workers }, name) => (last.done[name] - first.done[name]) / (workers * span),
    ),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

function tickAfter(us: number, tickMs: number): number {
  const tick = tickMs * usPerMs;
  return Math.ceil(us / tick) * tick;
}

function mapValues<K extends string, V, R>(
  record: Readonly<Record<K, V>>,
  map: (value: V, key: K) => R,
): Record<K, R> {
  const entries = Object.entries(record) as [K, V][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)])) as Record<K, R>;
}
