import t from 'tap';
import { testClock } from '../../support/clock.ts';
import { ask, newNonce, postJson, ticketSession } from '../../support/exchange-client.ts';
import { scratchStore } from '../../support/keyserver.ts';
import { countReads, refusal, startScene, target, wanted } from '../scene.ts';

const stale = (reason: string) => ({ status: 400, code: 'request_stale', reason });

t.test('takes a timestamp within 60 seconds either way', async (t) => {
  const clock = testClock();
  const { ask } = await startScene(t, { clock });
  const now = clock.now() / 1000;
  for (const [offset, fresh] of [
    [-61, false],
    [-60, true],
    [0, true],
    [60, true],
    [61, false],
  ] as const) {
    const expected = fresh ? { status: 200, code: undefined } : stale('timestamp');
    t.same(refusal(await ask({ timestamp: now + offset })), expected, `${offset} s`);
  }
  clock.advance(1);
  t.same(refusal(await ask({ timestamp: now - 60 })), stale('timestamp'), 'by milliseconds');
});

t.test('refuses times of other clocks', async (t) => {
  const { ask, keyserver } = await startScene(t);
  const now = Math.floor(keyserver.clock.now() / 1000);
  for (const timestamp of [0, now * 1000, Number.MAX_SAFE_INTEGER, 1e300]) {
    t.same(refusal(await ask({ timestamp })), stale('timestamp'), String(timestamp));
  }
});

t.test('a stale request is refused before its session is looked at', async (t) => {
  const { keyserver } = await startScene(t);
  const { text } = await postJson(keyserver.url, {
    ...wanted,
    sessionKey: 'AAAA',
    timestamp: 1,
    nonce: newNonce(),
  });
  t.match(JSON.parse(text), { code: 'request_stale', reason: 'timestamp' });
});

t.test('a nonce is good once with a session key', async (t) => {
  const { store, reads } = countReads(await scratchStore(t));
  const { ask, keyserver } = await startScene(t, { store });
  const first = await ask();
  t.equal(first.status, 200);
  t.equal(reads(), 1);
  const replayed = await postJson(keyserver.url, first.request);
  t.match(JSON.parse(replayed.text), { code: 'request_stale', reason: 'nonce_used' });
  const reused = await ask({ nonce: first.request.nonce ?? '' });
  t.same(refusal(reused), stale('nonce_used'), 'in another session, for the same asker');
  const elsewhere = await ask({ nonce: first.request.nonce ?? '', clientId: 'shop-2' });
  t.same(refusal(elsewhere), stale('nonce_used'), 'for another client');
  t.equal(reads(), 1, 'no token was read for any');
});

t.test('a nonce counts for the app at its proxy, and for each asker apart', async (t) => {
  const { keyserver, proxy, app } = await startScene(t);
  const nonce = newNonce();
  const by = async (credential: object) =>
    refusal(await ask(keyserver, { ...wanted, nonce, credential }));
  t.match(await by({ proxy, app, target }), { status: 200 });
  const secondApp = await keyserver.putApp('second', { direct: true });
  t.same(await by({ proxy, app, target }), stale('nonce_used'));
  t.match(await by({ proxy, app: secondApp, target }), { status: 200 });
  const secondProxy = await keyserver.putProxy('proxy-2');
  t.match(await by({ proxy: secondProxy, app, target }), { status: 200 });
  t.match(await by({ proxy: null, app: secondApp }), { status: 200 });
  t.same(await by({ proxy: null, app: secondApp }), stale('nonce_used'));
});

t.test('an app cannot use up the nonces of the proxy that bears its name', async (t) => {
  const { keyserver, app } = await startScene(t);
  const proxy = await keyserver.putProxy('same');
  const direct = await keyserver.putApp('same', { direct: true });
  const nonce = newNonce();
  for (const credential of [
    { proxy: null, app: direct },
    { proxy, app, target },
  ]) {
    t.equal((await ask(keyserver, { ...wanted, nonce, credential })).status, 200);
  }
});

t.test('a nonce is used up by who is known, also where the call is refused', async (t) => {
  const { keyserver, proxy, app, ask } = await startScene(t);
  const nonce = newNonce();
  const elsewhere = { ...target, url: 'https://evil.example/' };
  const refused = await ask({ nonce, credential: { proxy, app, target: elsewhere } });
  t.match(refusal(refused), { code: 'destination_denied' });
  t.same(refusal(await ask({ nonce })), stale('nonce_used'));
  const strangers = newNonce();
  t.match(refusal(await ask({ nonce: strangers, credential: { proxy: 'x', app, target } })), {
    code: 'caller_unauthenticated',
  });
  t.equal((await ask({ nonce: strangers })).status, 200, 'not by strangers');
  t.equal((await postJson(keyserver.url, {})).status, 400);
});

t.test('a replay stays refused for as long as its timestamp is fresh', async (t) => {
  const clock = testClock();
  const { keyserver, ask } = await startScene(t, { clock });
  // A generation that is about to end, and a clock of the caller's that is a minute ahead.
  await ask();
  clock.advance(119_999);
  const { request, status } = await ask({ timestamp: Math.floor(clock.now() / 1000) + 60 });
  t.equal(status, 200);
  for (let seconds = 0; seconds <= 121; seconds++) {
    const { text } = await postJson(keyserver.url, request);
    t.match(JSON.parse(text), { code: 'request_stale' }, `after ${seconds} s`);
    clock.advance(1000);
  }
});

t.test(
  'a replayed ticket request is refused, reads nothing, and is no release in the log',
  async (t) => {
    const { keyserver, ask } = await startScene(t);
    const session = ticketSession(await ask());
    const first = await ask({}, session);
    const seq = await keyserver.store.lastSeq();
    const { text } = await postJson(keyserver.url, first.request);
    t.match(JSON.parse(text), { status: 400, code: 'request_stale', reason: 'nonce_used' });
    t.equal(await keyserver.store.lastSeq(), seq);
    t.equal((await ask({}, session)).status, 200, 'the ticket still works');
    t.equal((await ask({ nonce: first.request.nonce ?? '' })).status, 200, 'with a session key');
    const releases = keyserver.log().map(({ release, 'error.reason': why }) => [release, why]);
    t.same(releases.slice(-5), [
      ['rsa', undefined],
      ['ticket', undefined],
      [undefined, 'nonce_used'],
      ['ticket', undefined],
      ['rsa', undefined],
    ]);
  },
);

t.test(
  'requests with tickets beyond the memory are answered, and the latest not twice',
  async (t) => {
    const { keyserver, ask } = await startScene(t, { maxNonces: 2 });
    const session = ticketSession(await ask());
    for (let i = 0; i < 5; i++) {
      const { status, request } = await ask({}, session);
      t.equal(status, 200);
      const { text } = await postJson(keyserver.url, request);
      t.match(JSON.parse(text), { code: 'request_stale', reason: 'nonce_used' }, `request ${i}`);
    }
  },
);

t.test('an asker with too many new sessions is told to wait, others are not', async (t) => {
  const clock = testClock();
  const { keyserver, ask: asked, app } = await startScene(t, { clock, maxNonces: 3 });
  const other = await keyserver.putProxy('proxy-2');
  const kept = ticketSession(await asked());
  await asked();
  await asked();
  const { answer, ...refused } = await asked();
  t.match(refused.problem, { code: 'overloaded', reason: 'nonces_full', status: 503 });
  t.equal(answer.headers.get('retry-after'), '120');
  t.equal((await asked({}, kept)).status, 200, 'a ticket needs no memory');
  const credential = { proxy: other, app, target };
  t.equal((await ask(keyserver, { ...wanted, credential })).status, 200);
  clock.advance(120_000);
  t.equal((await asked()).status, 200, 'after what it was told');
});
