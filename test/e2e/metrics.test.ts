import t from 'tap';
import { startPair } from '../support/pair.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { parseSamples, total } from '../support/prometheus.ts';
import { callNext, two, workersOf } from '../support/workers.ts';

const calls = 20;
const scrape = async (origin: string) => {
  const answer = await fetch(`${origin}/metrics`, { headers: { connection: 'close' } });
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    text: await answer.text(),
  };
};

t.test('any worker answers with the sums of all', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, secureproxy: two, keyserver: two });
  await workersOf(pair.secureproxy);
  for (let i = 0; i < calls; i++) t.equal((await callNext(pair))[0], 200);
  const route = { http_route: '/request_api', http_response_status_code: '200' };
  const requests = 'http_server_request_duration_seconds_count';
  const { text } = await pollUntil(
    'all calls are counted',
    () => scrape(pair.secureproxy.origin),
    ({ text }) => total(parseSamples(text), requests, route) === calls,
  );
  const samples = parseSamples(text);
  t.equal(total(samples, 'http_client_request_duration_seconds_count'), calls);
  const released = total(samples, 'secureproxy_releases_total');
  t.equal(released, calls);
  const asked = total(samples, 'secureproxy_keyserver_duration_seconds_count');
  t.equal(total(samples, 'secureproxy_releases_total', { source: 'cached' }), calls - asked);
  t.equal(total(samples, 'process_cpu_seconds_total') > 0, true);
  const keyserver = await scrape(pair.keyserver.origin);
  t.equal(keyserver.type, 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(total(parseSamples(keyserver.text), 'db_client_operation_duration_seconds_count'), asked);
  for (const hidden of ['shop-1', pair.appKey, pair.proxyKey, 'Bearer']) {
    t.notMatch(text + keyserver.text, hidden);
  }
});
