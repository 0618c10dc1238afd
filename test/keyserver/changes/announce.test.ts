import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { Value } from 'typebox/value';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { requestAad, sealText } from '../../../shared/crypto/exchange.ts';
import { ChangesSchema } from '../../../shared/protocol/change-messages.ts';
import { askChanges, type ChangesExchange, openChanges } from '../../support/changes-client.ts';
import { testClock } from '../../support/clock.ts';
import {
  type ClientSession,
  newNonce,
  newSession,
  openRelease,
  postJson,
} from '../../support/exchange-client.ts';
import { callerKey, type TestKeyserverOptions } from '../../support/keyserver.ts';
import { startScene } from '../scene.ts';

/** A scene whose KeyServer runs for so long that it resets nobody without cause. */
async function setUp(t: Test, options: TestKeyserverOptions = {}) {
  const clock = testClock();
  const scene = await startScene(t, { clock, pollClock: clock, ...options });
  clock.advance(6_000);
  await scene.keyserver.refresh();
  clock.advance(400);
  const { keyserver, proxy } = scene;
  const since = (seq: number, session?: ClientSession) =>
    askChanges(keyserver, { credential: { proxy, since: seq } }, session);
  return { ...scene, clock, since };
}

function refusal({ status, problem: { code, reason } }: ChangesExchange) {
  return reason === undefined ? { status, code } : { status, code, reason };
}

t.test('takes the pins that a proxy tells, and says so', async (t) => {
  const { keyserver, since, proxy } = await setUp(t);
  t.equal((await since(0)).changes.takesMore, true);
  const { proxyPins } = keyserver.registry;
  const tell = (credential: object) => askChanges(keyserver, { credential });
  t.equal((await tell({ proxy: makeCallerKey('spx_'), since: 0, pins: ['old'] })).status, 401);
  t.same(proxyPins.rejecting(['next']), {}, 'of strangers none');
  t.equal((await tell({ proxy, since: 0, pins: ['old'] })).status, 200);
  t.same(proxyPins.rejecting(['old', 'next']), { next: ['proxy-1'] });
  const most = Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(64, '-'));
  t.equal((await tell({ proxy, since: 0, pins: most })).status, 200, 'fits into a request');
  const many = Array.from({ length: 65 }, (_, n) => `pin-${n}`);
  for (const pins of ['old', null, [1], ['x'.repeat(65)], many]) {
    t.match(refusal(await tell({ proxy, since: 0, pins })), {
      ...{ status: 400, code: 'request_invalid', reason: 'credential' },
    });
  }
});

t.test('tells a proxy how many processes tell their ids', async (t) => {
  const { keyserver, since, proxy } = await setUp(t);
  t.equal((await since(0)).changes.processes, 0);
  const tell = (process: unknown, key = proxy) =>
    askChanges(keyserver, { credential: { proxy: key, since: 0, process } });
  t.equal((await tell('a', makeCallerKey('spx_'))).status, 401);
  t.equal((await since(0)).changes.processes, 0, 'strangers count nothing');
  for (const process of ['a', 'b', 'a']) await tell(process);
  t.equal((await since(0)).changes.processes, 2);
  for (const process of ['', 'x'.repeat(65), 'a b', 1, null]) {
    t.match(refusal(await tell(process)), {
      ...{ status: 400, code: 'request_invalid', reason: 'credential' },
    });
  }
});

t.test('tells a proxy what changed, and nothing else', async (t) => {
  const { keyserver, since, proxy } = await setUp(t);
  const { seq } = keyserver.registry;
  const first = await since(seq);
  t.equal(first.status, 200);
  t.equal(first.answer.headers.get('cache-control'), 'no-store');
  t.same(Object.keys(JSON.parse(first.answer.text)), ['token'], 'all of the answer is sealed');
  t.ok(Value.Check(ChangesSchema, first.changes));
  t.match(first.changes, { seq, ageMs: 400 });
  t.same(first.changes.changes, []);
  t.notOk('reset' in first.changes);
  await keyserver.putToken('shop-1', 'ozon-seller', 'new');
  const early = (await since(seq)).changes;
  t.same([early.seq, early.changes], [seq, []], 'not before KeyServer heeds it');
  await keyserver.putType('ozon-seller', { destinations: ['https://other.example'] });
  await keyserver.deleteDocument('app', 'orders');
  await keyserver.putProxy('proxy-1', proxy);
  const { changes } = await since(seq);
  t.match(changes, { seq: seq + 4, ageMs: 0 });
  t.same(changes.changes, [
    { seq: seq + 1, kind: 'token', id: 'shop-1', tokenType: 'ozon-seller' },
    { seq: seq + 2, kind: 'type', id: 'ozon-seller' },
    { seq: seq + 3, kind: 'app', id: 'orders' },
    { seq: seq + 4, kind: 'proxy', id: 'proxy-1' },
  ]);
  t.same((await since(seq + 3)).changes.changes, changes.changes?.slice(3));
});

t.test('a proxy hears of no other proxy', async (t) => {
  const { keyserver, since } = await setUp(t);
  const { seq } = keyserver.registry;
  await keyserver.putProxy('proxy-2');
  const { changes } = await since(seq);
  t.equal(changes.seq, seq + 1);
  t.same(changes.changes, []);
});

t.test('one ticket serves releases and changes', async (t) => {
  const { keyserver, since, ask } = await setUp(t);
  const opened = await since(0);
  const ticket: ClientSession = {
    key: opened.session.key,
    named: { session: opened.changes.session?.ticket ?? '' },
  };
  t.equal((await ask({}, ticket)).status, 200);
  const again = await since(keyserver.registry.seq, ticket);
  t.equal(again.status, 200);
  t.notOk('session' in again.changes, 'a ticket is never extended');
});

t.test('opens for nobody but the asker, and for one question', async (t) => {
  const { keyserver, since } = await setUp(t);
  const { request, answer, session } = await since(0);
  const stranger = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  const refused = { name: 'OpenError' };
  t.throws(() => openChanges(stranger, request, answer), refused);
  t.throws(() => openChanges(session, { nonce: newNonce() }, answer), refused);
  for (const clientId of ['', 'shop-1']) {
    const asRelease = { ...request, clientId, tokenType: clientId };
    t.throws(() => openRelease(session, asRelease, answer), refused, 'it is no release');
  }
});

t.test('the credential of a release is none for changes', async (t) => {
  const { keyserver, proxy } = await setUp(t);
  const session = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  const fresh = { timestamp: Math.floor(keyserver.clock.now() / 1000), nonce: newNonce() };
  const aad = requestAad({ clientId: 'shop-1', tokenType: 'ozon-seller', ...fresh });
  const credential = sealText(session.key, JSON.stringify({ proxy, since: 0 }), aad);
  const body = { ...session.named, ...fresh, credential };
  const { status, text } = await postJson(`${keyserver.url}/changes`, body);
  t.match({ status, ...JSON.parse(text) }, { status: 400, code: 'session_invalid' });
});

t.test('the answer is bound to timestamp and nonce of its question', async (t) => {
  const { keyserver, since } = await setUp(t);
  const { request, session } = await since(0);
  for (const changed of [
    { nonce: newNonce() },
    { timestamp: request.timestamp + 1 },
    { credential: sealText(session.key, '{}', randomBytes(16)) },
    { keyId: 'another' },
  ]) {
    const { text } = await postJson(`${keyserver.url}/changes`, { ...request, ...changed });
    t.match(JSON.parse(text), { code: 'session_invalid' }, JSON.stringify(Object.keys(changed)));
  }
});

t.test('with a session key a nonce is good once; a stale timestamp is refused', async (t) => {
  const { keyserver, since, proxy, clock } = await setUp(t);
  const { request } = await since(0);
  const { status, text } = await postJson(`${keyserver.url}/changes`, request);
  t.match({ status, ...JSON.parse(text) }, { code: 'request_stale', reason: 'nonce_used' });
  for (const apart of [-61, 62]) {
    const timestamp = Math.floor(clock.now() / 1000) + apart;
    t.same(refusal(await askChanges(keyserver, { credential: { proxy, since: 0 }, timestamp })), {
      status: 400,
      code: 'request_stale',
      reason: 'timestamp',
    });
  }
});

t.test('refuses whoever is no proxy', async (t) => {
  const { keyserver, app, clock } = await setUp(t);
  const direct = await keyserver.putApp('erp', { direct: true });
  await keyserver.putApp('anonymous', { key: null, direct: true });
  const ended = makeCallerKey('spx_');
  const end = new Date(clock.now()).toISOString();
  await keyserver.putDocument('proxy', 'ended', { keys: [callerKey(ended, end)] });
  const gone = await keyserver.putProxy('gone');
  await keyserver.deleteDocument('proxy', 'gone');
  const unknown = { status: 401, code: 'caller_unauthenticated', reason: 'proxy_unknown' };
  for (const proxy of [app, direct, makeCallerKey('spx_'), ended, gone, '', 'proxy-1']) {
    t.same(refusal(await askChanges(keyserver, { credential: { proxy, since: 0 } })), unknown);
  }
});

t.test('refuses a credential of another form', async (t) => {
  const { keyserver, proxy, app } = await setUp(t);
  for (const credential of [
    { proxy: null, since: 0 },
    { proxy: null, app },
    { proxy, app, since: 0 },
    { proxy },
    { since: 0 },
    { proxy, since: -1 },
    { proxy, since: 0.5 },
    { proxy, since: '0' },
    [proxy, 0],
    null,
  ]) {
    t.same(
      refusal(await askChanges(keyserver, { credential })),
      { status: 400, code: 'request_invalid', reason: 'credential' },
      JSON.stringify(Object(credential)),
    );
  }
});

t.test('refuses a body of another form', async (t) => {
  const { keyserver, since } = await setUp(t);
  const { request } = await since(0);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(request).filter(([key]) => key !== name));
  for (const [body, reason] of [
    [without('nonce'), 'schema'],
    [without('timestamp'), 'schema'],
    [without('credential'), 'schema'],
    [{ ...request, clientId: 'shop-1' }, 'schema'],
    [without('sessionKey'), 'session'],
    [{ ...request, session: 'x' }, 'session'],
  ] as const) {
    const { text } = await postJson(`${keyserver.url}/changes`, body);
    t.match(JSON.parse(text), { code: 'request_invalid', reason });
  }
});

t.test('announces nothing while it cannot see whether anything changed', async (t) => {
  const { keyserver, since, clock } = await setUp(t);
  clock.advance(4_600);
  const expected = { status: 503, code: 'keyserver_unavailable', reason: 'documents_unread' };
  t.same(refusal(await since(keyserver.registry.seq)), expected);
});

t.test('asks the database nothing', async (t) => {
  const { keyserver, since } = await setUp(t);
  await keyserver.store.close();
  t.equal((await since(0)).status, 200);
});

t.test(
  'is a line of the log where it is refused, and of level debug where it is not',
  async (t) => {
    const { keyserver, since } = await setUp(t);
    const lines = () => keyserver.log().filter((line) => line['url.template'] === '/changes');
    await since(0);
    await askChanges(keyserver, { credential: { proxy: 'spx_no', since: 0 } });
    t.match(lines(), [
      { level: 'debug', proxy: 'proxy-1', 'http.response.status_code': 200 },
      { level: 'info', 'error.reason': 'proxy_unknown', 'http.response.status_code': 401 },
    ]);
  },
);
