import { readFileSync } from 'node:fs';
import t from 'tap';
import { costsOf, pointsOf } from '../../bench/scale/costs.ts';
import { EventQueue } from '../../bench/scale/event-queue.ts';
import { readScaleOptions } from '../../bench/scale/options.ts';
import { pageFile, readReport, withTables } from '../../bench/scale/page.ts';
import { createRandom, exponential } from '../../bench/scale/random.ts';
import { scaleTables } from '../../bench/scale/report.ts';
import { type Deployment, simulate } from '../../bench/scale/simulate.ts';
import { sizeFor, wantedUtilisation } from '../../bench/scale/size.ts';
import { runLocal } from '../local/command.ts';

const costs = { proxyHit: 200, proxyMiss: 300, keyserver: 250, database: 50 };
const deployment: Deployment = {
  costs,
  arrivals: { kind: 'poisson', rate: 2500 },
  hitRatio: 1,
  proxies: 1,
  keyservers: 1,
  databases: 1,
  requests: 100_000,
  seed: 7,
};
const near = (value: number, wanted: number, share: number) => Math.abs(value / wanted - 1) < share;

t.test('events happen in the order of their times', async (t) => {
  const events = new EventQueue();
  const random = createRandom(3);
  const seen: number[] = [];
  for (let i = 0; i < 1000; i++) events.schedule(random(), () => seen.push(events.now));
  events.schedule(0.5, () => events.schedule(0.75, () => seen.push(events.now)));
  events.runAll();
  t.equal(seen.length, 1001);
  t.same(
    seen,
    seen.toSorted((a, b) => a - b),
  );
});

t.test('exponential times have their mean', async (t) => {
  const random = createRandom(5);
  let sum = 0;
  for (let i = 0; i < 100_000; i++) sum += exponential(random, 40);
  t.ok(near(sum / 100_000, 40, 0.02), `mean ${sum / 100_000}`);
});

t.test('one worker behaves as queueing theory says', async (t) => {
  const { throughput, utilisation, p50Ms, p99Ms } = simulate(deployment);
  t.ok(near(throughput, 2500, 0.02), `throughput ${throughput}`);
  t.ok(near(utilisation.proxies, 0.5, 0.03), `utilisation ${utilisation.proxies}`);
  // Between a lone call, which takes 0.2 ms, and one visit of M/M/1: -ln(0.01) × 0.2 / (1 - 0.5).
  t.ok(p50Ms > 0.1 && p50Ms < p99Ms, `p50 ${p50Ms}`);
  t.ok(p99Ms > 0.9 && p99Ms < 1.9, `p99 ${p99Ms}`);
});

t.test('callers who wait get what the worker has, and no more', async (t) => {
  const { throughput, utilisation } = simulate({
    ...deployment,
    arrivals: { kind: 'callers', callers: 16 },
  });
  t.ok(near(throughput, 1e6 / costs.proxyHit, 0.02), `throughput ${throughput}`);
  t.ok(utilisation.proxies > 0.99, 'it is always busy');
});

t.test('calls that come in ticks wait for each other', async (t) => {
  const arrivals = { kind: 'ticks', rate: 2500, tickMs: 10 } as const;
  t.ok(simulate({ ...deployment, arrivals }).p50Ms > 5 * simulate(deployment).p50Ms);
});

t.test('the same seed gives the same numbers, another one others', async (t) => {
  t.same(simulate(deployment), simulate(deployment));
  t.not(simulate({ ...deployment, seed: 8 }).p99Ms, simulate(deployment).p99Ms);
});

t.test('what is sized keeps to its utilisation, and comes to its rate', async (t) => {
  const size = sizeFor(costs, 100_000, 0.5);
  t.same(size, { proxies: 42, keyservers: 21, databases: 5 });
  const arrivals = { kind: 'poisson', rate: 100_000 } as const;
  const { throughput, utilisation } = simulate({
    ...deployment,
    ...size,
    arrivals,
    hitRatio: 0.5,
  });
  t.ok(near(throughput, 100_000, 0.03), `throughput ${throughput}`);
  for (const [part, share] of Object.entries(utilisation)) {
    t.ok(share < wantedUtilisation * 1.03, `${part}: ${share}`);
    t.ok(share > wantedUtilisation * 0.8, `${part}: ${share}`);
  }
});

t.test('the tables of docs/scale.md are what the program makes of the saved run', async (t) => {
  const report = readReport();
  const page = readFileSync(pageFile, 'utf8');
  t.equal(page, withTables(page, scaleTables(costsOf(report), pointsOf(report))));
});

t.test('a run without what is needed is refused', async (t) => {
  const report = { ...readReport(), results: [], figures: [] };
  t.throws(() => costsOf(report), { name: 'LocalError', message: /no warm/ });
  t.throws(() => pointsOf(report), { name: 'LocalError', message: /no top/ });
});

t.test('the command simulates the deployment that it is given', async (t) => {
  const args = ['--rate', '4000', '--proxies', '4', '--requests', '20000'];
  const scale = runLocal('scale', args, {});
  t.equal(await scale.ended, 0, scale.stderr());
  const expected = readScaleOptions(args).deployment;
  if (expected === undefined) throw new Error('no deployment was read');
  t.same(JSON.parse(scale.stdout()), simulate({ costs: costsOf(readReport()), ...expected }));
  for (const wrong of [['--rate', 'x'], ['--rate', '1', '--hit', '2'], ['--fast']]) {
    t.throws(() => readScaleOptions(wrong), { name: 'LocalError' });
  }
});
