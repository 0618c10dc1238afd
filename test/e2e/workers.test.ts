import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { loadRsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { deleteDocument } from '../../keyserver/operations/documents.ts';
import { systemClock } from '../../shared/clock.ts';
import { type ClientSession, newSession, releaseRequest } from '../support/exchange-client.ts';
import { runKeyserver, startPair } from '../support/pair.ts';
import { makeState, type PairState, seed, tokenType } from '../support/pair-state.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import type { ServiceRun } from '../support/service-run.ts';
import { answeredBy, callNext, two, workersOf } from '../support/workers.ts';

const anUpstream = 'http://127.0.0.1:9';

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

/** What makes requests for tokens as a proxy does. */
async function asProxy(state: PairState) {
  const { proxyKey, appKey } = await seed(state, anUpstream);
  const rsaKeys = await loadRsaKeys(state.settings.RSA_KEY_DIR ?? '');
  const target = { method: 'POST', url: `${anUpstream}/v1/orders` };
  const credential = { proxy: proxyKey, app: appKey, target };
  return (session: ClientSession = newSession(rsaKeys.primary.publicKeyPem)) =>
    releaseRequest(session, { clientId: 'shop-1', tokenType, credential }, systemClock);
}

t.test('a request that is replayed at another worker is refused there, too', async (t) => {
  const state = await makeState(t);
  const request = await asProxy(state);
  const keyserver = await runKeyserver(t, state, two);
  await workersOf(keyserver);
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

t.test('where the primary process does not answer, no nonce is taken for new', async (t) => {
  const state = await makeState(t);
  const request = await asProxy(state);
  const keyserver = await runKeyserver(t, state, two);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  t.same(await post(keyserver, request(), agent), [200, undefined]);
  const primary = keyserver.process.pid ?? 0;
  process.kill(primary, 'SIGSTOP');
  t.teardown(() => process.kill(primary, 'SIGCONT'));
  t.same(await post(keyserver, request(), agent), [503, 'nonces_unknown']);
  process.kill(primary, 'SIGCONT');
  t.same(await post(keyserver, request(), agent), [200, undefined]);
});

t.test('what is revoked stops working at every worker', async (t) => {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, keyserver: two, secureproxy: two });
  await workersOf(pair.secureproxy);
  const eight = () => Promise.all(Array.from({ length: 8 }, () => callNext(pair)));
  await pollUntil(
    'each worker keeps a release',
    async () => {
      t.ok((await eight()).every(([status]) => status === 200));
      return answeredBy(pair.secureproxy, { release: 'cached' }).size;
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
      const { size } = answeredBy(pair.secureproxy, { 'error.type': 'caller_unauthenticated' });
      return outcomes.every(isRefused) && size === 2;
    },
    (isSo) => isSo,
  );
  t.ok((await eight()).every(isRefused), 'and it stays so');
});
