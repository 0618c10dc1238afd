import { Registry } from '@prometheus-io/client';
import t from 'tap';
import { Counts, Durations } from '../../../shared/metrics/series.ts';
import { parseSamples, total } from '../../support/prometheus.ts';

t.test('a duration counts in every bucket from its own on', async (t) => {
  const registry = new Registry();
  const durations = new Durations({ registry, name: 'd', help: 'h', labels: ['a', 'b'] });
  for (const milliseconds of [5, 5.1, 10_000, 10_001]) durations.add(milliseconds, ['x', '']);
  durations.add(1, ['y', 'z']);
  durations.add(1, ['y', 'w']);
  const samples = parseSamples(await registry.metrics());
  const below = (le: string) => total(samples, 'd_bucket', { a: 'x', le });
  t.equal(below('0.005'), 1, 'the bound itself is in');
  t.equal(below('0.01'), 2);
  t.equal(below('10'), 3);
  t.equal(below('+Inf'), 4);
  t.equal(total(samples, 'd_count', { a: 'x' }), 4);
  t.equal(total(samples, 'd_count', { b: 'z' }), 1);
  t.ok(Math.abs(total(samples, 'd_sum', { a: 'x' }) - 20.0111) < 1e-9);
  t.notOk(
    samples.some(({ labels }) => labels.b === ''),
    'an empty label is absent',
  );
});

t.test('series beyond a thousand count together', async (t) => {
  const registry = new Registry();
  const counts = new Counts({ registry, name: 'c', help: 'h', labels: ['a'] });
  for (let i = 0; i < 1500; i++) counts.add(2, [i]);
  counts.add(1, [7]);
  const samples = parseSamples(await registry.metrics());
  t.equal(samples.length, 1001);
  t.equal(total(samples, 'c', { a: '7' }), 3);
  t.equal(total(samples, 'c', { otel_metric_overflow: 'true' }), 1000);
  t.equal(total(samples, 'c'), 3001);
});

t.test('a value of a label cannot end its quotes', async (t) => {
  const registry = new Registry();
  const counts = new Counts({ registry, name: 'c', help: 'h', labels: ['a'] });
  counts.add(1, ['"} 5\nd 7 \\']);
  const text = await registry.metrics();
  t.equal(parseSamples(text).length, 1);
});
