import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { loadRsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { systemClock } from '../../shared/clock.ts';
import { deleteDocument } from '../support/delete-document.ts';
import { type ClientSession, newSession, releaseRequest } from '../support/exchange-client.ts';
import { startPair, type TestPair } from '../support/pair.ts';
import { tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { parseSamples, total } from '../support/prometheus.ts';
import type { ServiceRun } from '../support/service-run.ts';
import { answeredBy, callNext, isGone, two, workersOf } from '../support/workers.ts';
import { failReplacements, killOneWorkerEach } from './replaced-workers.ts';

/** Answers of `POST /` of a KeyServer: status and reason. */
async function post(
  { origin }: ServiceRun,
  body: unknown,
  agent?: Agent,
): Promise<readonly [number | undefined, unknown]> {
  const sent = httpRequest(origin, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(agent ? { agent } : { agent: false }),
  });
  sent.end(JSON.stringify(body));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return [answer.statusCode, Object(await json(answer)).reason];
}

/** Makes requests for tokens as a proxy does. */
async function asProxy({ settings, proxyKey, appKey }: TestPair, upstream: string) {
  const rsaKeys = await loadRsaKeys(settings.RSA_KEY_DIR ?? '');
  const target = { method: 'POST', url: `${upstream}/v1/orders` };
  const credential = { proxy: proxyKey, app: appKey, target };
  return (session: ClientSession = newSession(rsaKeys.primary.publicKeyPem)) =>
    releaseRequest(session, { clientId: 'shop-1', tokenType, credential }, systemClock);
}

const scrape = async (origin: string) => {
  const answer = await fetch(`${origin}/metrics`, { headers: { connection: 'close' } });
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    text: await answer.text(),
  };
};

// One pair, since each process takes a while to start; what counts calls comes first.
t.test('both services with two workers each', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, keyserver: two, secureproxy: two });
  const { keyserver, secureproxy } = pair;
  await workersOf(keyserver);
  await workersOf(secureproxy);
  const request = await asProxy(pair, upstream);

  await t.test('any worker answers with the sums of all metrics', async (t) => {
    const calls = 20;
    for (let i = 0; i < calls; i++) t.equal((await callNext(pair))[0], 200);
    const route = { http_route: '/request_api', http_response_status_code: '200' };
    const requests = 'http_server_request_duration_seconds_count';
    const { text } = await pollUntil(
      'all calls are counted',
      () => scrape(secureproxy.origin),
      ({ text }) => total(parseSamples(text), requests, route) === calls,
    );
    const samples = parseSamples(text);
    t.equal(total(samples, 'http_client_request_duration_seconds_count'), calls);
    const released = total(samples, 'secureproxy_releases_total');
    t.equal(released, calls);
    const asked = total(samples, 'secureproxy_keyserver_duration_seconds_count');
    t.equal(total(samples, 'secureproxy_releases_total', { source: 'cached' }), calls - asked);
    t.equal(total(samples, 'process_cpu_seconds_total') > 0, true);
    const answer = await scrape(keyserver.origin);
    t.equal(answer.type, 'text/plain; version=0.0.4; charset=utf-8');
    // More if the proxy gave up waiting, and asked again.
    const read = total(parseSamples(answer.text), 'db_client_operation_duration_seconds_count');
    t.ok(read >= asked && read < calls, `${read} reads`);
    for (const hidden of ['shop-1', pair.appKey, pair.proxyKey, 'Bearer']) {
      t.notMatch(text + answer.text, hidden);
    }
  });

  await t.test('a request that is replayed at another worker is refused there, too', async (t) => {
    const once = request();
    t.same(await post(keyserver, once), [200, undefined]);
    await pollUntil(
      'each worker has refused it',
      async () => {
        t.same(await post(keyserver, once), [400, 'nonce_used']);
        return answeredBy(keyserver, { 'error.reason': 'nonce_used' }).size;
      },
      (count) => count === 2,
    );
  });

  await t.test(
    'where the primary process does not answer, no nonce is taken for new',
    async (t) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.teardown(() => agent.destroy());
      t.same(await post(keyserver, request(), agent), [200, undefined]);
      const primary = keyserver.process.pid ?? 0;
      process.kill(primary, 'SIGSTOP');
      t.teardown(() => process.kill(primary, 'SIGCONT'));
      t.same(await post(keyserver, request(), agent), [503, 'nonces_unknown']);
      process.kill(primary, 'SIGCONT');
      t.same(await post(keyserver, request(), agent), [200, undefined]);
    },
  );

  await t.test('a worker that is killed is replaced, and calls go on', (t) =>
    killOneWorkerEach(t, pair),
  );

  await t.test('what is revoked stops working at every worker', async (t) => {
    const alive = (members: Readonly<Record<string, unknown>>) =>
      [...answeredBy(secureproxy, members)].filter((pid) => !isGone(Number(pid))).length;
    const eight = () => Promise.all(Array.from({ length: 8 }, () => callNext(pair)));
    await pollUntil(
      'each worker keeps a release',
      async () => {
        t.ok((await eight()).every(([status]) => status === 200));
        return alive({ release: 'cached' });
      },
      (count) => count === 2,
    );
    await deleteDocument(pair.admin, 'app', 'orders');
    const isRefused = ([, code]: readonly [number, unknown]) => code === 'caller_unauthenticated';
    // Each hears of it by itself: all eight calls may have gone to the one that has.
    await pollUntil(
      'each worker has refused some, and nothing is answered any more',
      async () => {
        const outcomes = await eight();
        const refusing = alive({ 'error.type': 'caller_unauthenticated' });
        return outcomes.every(isRefused) && refusing === 2;
      },
      (isSo) => isSo,
    );
    t.ok((await eight()).every(isRefused), 'and it stays so');
  });

  await t.test('a replacement that cannot start ends the others only once none serves', (t) =>
    failReplacements(t, pair),
  );
});
