import { Registry } from '@prometheus-io/client';
import t from 'tap';
import { type LogFields, newLogFields } from '../../../shared/log/request-log.ts';
import { requestMetrics } from '../../../shared/metrics/request-metrics.ts';
import { parseSamples, total } from '../../support/prometheus.ts';

async function samplesOf(requests: readonly Partial<LogFields>[]) {
  const registry = new Registry();
  const count = requestMetrics('secureproxy', registry);
  for (const fields of requests) count({ ...newLogFields(), ...fields });
  return parseSamples(await registry.metrics());
}

t.test('hosts beyond the first fifty share a label', async (t) => {
  const requests = Array.from({ length: 60 }, (_, i) => ({
    'server.address': `shop-${i}.example`,
    'upstream.duration_ms': 1,
  }));
  const samples = await samplesOf([...requests, ...requests]);
  const count = 'http_client_request_duration_seconds_count';
  t.equal(total(samples, count, { server_address: 'shop-49.example' }), 2);
  t.equal(total(samples, count, { server_address: 'other' }), 20);
  t.equal(total(samples, count), 120);
});

t.test('hosts under a wildcard count as the wildcard: callers choose them', async (t) => {
  const chosen = Array.from({ length: 60 }, (_, i) => ({
    'server.address': `shop-${i}.example`,
    wildcard: '*.example',
    'upstream.duration_ms': 1,
  }));
  const fixed = { 'server.address': 'api.market.example', 'upstream.duration_ms': 1 };
  const samples = await samplesOf([...chosen, fixed]);
  const count = 'http_client_request_duration_seconds_count';
  t.equal(total(samples, count, { server_address: '*.example' }), 60);
  t.equal(total(samples, count, { server_address: 'api.market.example' }), 1);
  t.notMatch(JSON.stringify(samples), 'shop-');
});

t.test('redactions are counted by app', async (t) => {
  const samples = await samplesOf([
    { app: 'reports', scrubbed: 2 },
    { app: 'other', scrubbed: 1 },
  ]);
  t.equal(total(samples, 'secureproxy_redactions_total', { app: 'reports' }), 2);
  t.equal(total(samples, 'secureproxy_redactions_total'), 3);
});

t.test('neither a client nor a path nor a key is in a label', async (t) => {
  const samples = await samplesOf([
    {
      client: 'hidden-client',
      app: 'reports',
      'client.address': 'hidden-address',
      token_type: 'hidden-type',
      request_id: 'hidden-id',
      'error.type': 'grant_denied',
      'error.reason': 'path',
      release: 'cached',
      scrubbed: 2,
    },
  ]);
  t.notMatch(JSON.stringify(samples), 'hidden');
  t.equal(total(samples, 'secureproxy_errors_total', { error_reason: 'path' }), 1);
  t.equal(total(samples, 'secureproxy_releases_total', { source: 'cached' }), 1);
  t.equal(total(samples, 'secureproxy_redactions_total'), 2);
});
