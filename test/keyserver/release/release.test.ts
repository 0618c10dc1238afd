import { createHash } from 'node:crypto';
import t from 'tap';
import { Value } from 'typebox/value';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { ReleaseSchema } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import { ask, newSession, openRelease, ticketSession } from '../../support/exchange-client.ts';
import { callerKey, everything } from '../../support/keyserver.ts';
import { refusal, secretText, startScene, target, wanted } from '../scene.ts';

t.test('releases a token to an app behind a proxy', async (t) => {
  const { ask, keyserver } = await startScene(t);
  const { status, release, answer } = await ask();
  t.equal(status, 200);
  t.same(Object.keys(JSON.parse(answer.text)), ['token'], 'all of the answer is sealed');
  t.equal(answer.headers.get('cache-control'), 'no-store');
  t.ok(Value.Check(ReleaseSchema, release));
  const { session, ageMs, ...content } = release;
  t.equal(typeof ageMs, 'number');
  t.same(content, {
    app: 'orders',
    fields: { token: secretText },
    policy: {
      destinations: ['https://api.example'],
      injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
    },
    grants: everything,
    cacheSeconds: 60,
    expiresIn: null,
    seq: keyserver.registry.seq,
  });
  t.equal(session?.expiresIn, 600);
  t.match(session?.ticket, /^[A-Za-z0-9+/]+=*$/);
});

t.test('a release says where its app is bound', async (t) => {
  const { ask, keyserver, proxy } = await startScene(t);
  const bound = { clientId: 'shop-1', tokenType: 'ozon-seller' };
  const app = await keyserver.putApp('bound', { bound });
  t.strictSame((await ask({ credential: { proxy, app, target } })).release.bound, bound);
});

t.test('opens for nobody but the asker', async (t) => {
  const { ask, keyserver } = await startScene(t);
  const { request, answer, session } = await ask();
  const stranger = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  t.throws(() => openRelease(stranger, request, answer), { name: 'OpenError' });
  for (const changed of [
    { clientId: 'shop-2' },
    { tokenType: 'other' },
    { nonce: 'n'.repeat(16) },
  ]) {
    t.throws(() => openRelease(session, { ...request, ...changed }, answer), { name: 'OpenError' });
  }
});

t.test(
  'a ticket stands for the session, also for another client, and brings no new one',
  async (t) => {
    const { ask, keyserver } = await startScene(t);
    await keyserver.putToken('shop-2', 'ozon-seller', 'second test token');
    const session = ticketSession(await ask());
    const again = await ask({ clientId: 'shop-2' }, session);
    t.equal(again.status, 200);
    t.same(again.release.fields, { token: 'second test token' });
    t.notOk('session' in again.release, 'a ticket is never extended');
  },
);

t.test('a ticket holds on every server that has the keyring', async (t) => {
  const first = await startScene(t);
  const { settings, store } = first.keyserver;
  const replica = await startScene(t, { settings, store });
  const session = ticketSession(await first.ask());
  t.equal((await replica.ask({}, session)).status, 200);
});

t.test('the release names grants of this client and type only', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const grants = [
    { client: 'shop-*', type: 'ozon-seller', methods: ['POST' as const] },
    { client: 'shop-1', type: '*' },
    { client: 'shop-2', type: '*' },
    { client: 'shop-1', type: 'wildberries' },
  ];
  const app = await keyserver.putApp('narrow', { grants });
  const { release } = await ask(keyserver, { ...wanted, credential: { proxy, app, target } });
  t.same(release.grants, grants.slice(0, 2));
  t.equal(release.app, 'narrow');
});

t.test('the release carries the policy as it is stored', async (t) => {
  const { keyserver, ask, credential } = await startScene(t);
  const policy = {
    destinations: ['https://*.market.example', 'http://10.1.2.3:8080/v1'],
    injection: { scheme: 'query' as const, query: { key: '{token}' } },
    unsafePlaintext: true,
    unsafeAllowPrivate: ['10.1.2.0/24'],
    cacheSeconds: 0,
    scrub: false,
  };
  await keyserver.putType('ozon-seller', policy);
  const url = 'https://api.market.example/v1';
  const { release } = await ask({ credential: { ...credential, target: { method: 'GET', url } } });
  t.same(release.policy, policy);
  t.equal(release.cacheSeconds, 0);
});

t.test('the release says how long the token lasts, in whole seconds', async (t) => {
  const clock = testClock();
  const { keyserver, ask } = await startScene(t, { clock });
  const end = new Date(clock.now() + 90_999).toISOString();
  await keyserver.putToken('shop-1', 'ozon-seller', { user: 'u', token: 'x' }, end);
  const { release } = await ask();
  t.equal(release.expiresIn, 90);
  t.same(release.fields, { token: 'x' });
});

t.test('refuses a token that has expired, to the millisecond', async (t) => {
  const clock = testClock();
  const { keyserver, ask } = await startScene(t, { clock });
  const end = new Date(clock.now() + 10_000).toISOString();
  await keyserver.putToken('shop-1', 'ozon-seller', 'x', end);
  clock.advance(9_999);
  t.equal((await ask()).release.expiresIn, 0);
  clock.advance(1);
  const refused = await ask();
  t.same(refusal(refused), { status: 410, code: 'token_expired' });
  t.match(String(refused.problem.detail), `expired at ${end};`, 'since when');
});

t.test('does not open a row whose end is no time', async (t) => {
  const { keyserver, ask } = await startScene(t);
  await keyserver.putToken('shop-1', 'ozon-seller', 'x', 'whenever');
  t.match(refusal(await ask()), { status: 500, code: 'integrity_failed' });
});

t.test('seq is that of the configuration in force', async (t) => {
  const { keyserver, ask } = await startScene(t);
  const { release } = await ask();
  t.equal(release.seq, (await keyserver.store.lastSeq()) - 1, 'the token came after the last poll');
  await keyserver.refresh();
  t.equal((await ask()).release.seq, await keyserver.store.lastSeq());
});

t.test('a name of 255 letters of any language is asked for, one of 256 is not', async (t) => {
  const { keyserver, ask } = await startScene(t);
  const clientId = '🛒'.repeat(255);
  await keyserver.putToken(clientId, 'ozon-seller', 'x');
  t.equal((await ask({ clientId })).status, 200);
  t.match(refusal(await ask({ clientId: 'я'.repeat(256) })), { code: 'request_invalid' });
});

t.test('refuses names that are no names', async (t) => {
  const { ask } = await startScene(t);
  for (const name of ['a\u0000', 'a\n', '\u202eevil', '\ud800', '\u0085']) {
    const expected = { status: 400, code: 'request_invalid', reason: 'name' };
    t.same(refusal(await ask({ clientId: name })), expected, JSON.stringify(name));
    t.same(refusal(await ask({ tokenType: name })), expected, JSON.stringify(name));
  }
});

t.test('names are told apart byte by byte', async (t) => {
  const { ask } = await startScene(t);
  for (const clientId of ['SHOP-1', 'shop-1 ', 'ѕhop-1', 'shop-1\u200b']) {
    t.same(refusal(await ask({ clientId })), { status: 404, code: 'token_not_found' }, clientId);
  }
});

t.test('asks without a credential', async (t) => {
  t.test('are answered where the app anonymous is direct', async (t) => {
    const { keyserver } = await startScene(t);
    await keyserver.putApp('anonymous', { key: null, direct: true });
    const { status, release } = await ask(keyserver, wanted);
    t.equal(status, 200);
    t.equal(release.app, 'anonymous');
    t.same(release.fields, { token: secretText });
    t.notOk('session' in release, 'no ticket without a credential');
  });

  t.test('may have a nonce, which is good once', async (t) => {
    const { keyserver } = await startScene(t);
    await keyserver.putApp('anonymous', { key: null, direct: true });
    const timestamp = Math.floor(keyserver.clock.now() / 1000);
    const bare = { ...wanted, timestamp, nonce: 'n'.repeat(16) };
    t.equal((await ask(keyserver, bare)).status, 200);
    t.match(refusal(await ask(keyserver, bare)), { code: 'request_stale', reason: 'nonce_used' });
  });

  t.test('are refused where anonymous is not direct', async (t) => {
    const { keyserver } = await startScene(t);
    await keyserver.putApp('anonymous', { key: null });
    const { answer, ...rest } = await ask(keyserver, wanted);
    t.match(rest.problem, { code: 'caller_unauthenticated', reason: 'app_unknown', status: 401 });
    t.equal(answer.headers.get('www-authenticate'), 'Bearer');
  });

  t.test('are refused where there is no anonymous', async (t) => {
    const { keyserver } = await startScene(t);
    const refused = await ask(keyserver, wanted);
    t.same(refusal(refused), {
      status: 401,
      code: 'caller_unauthenticated',
      reason: 'app_unknown',
    });
  });
});

t.test('a direct app asks itself, with and without a target', async (t) => {
  const { keyserver } = await startScene(t);
  const app = await keyserver.putApp('erp', { direct: true });
  const plain = await ask(keyserver, { ...wanted, credential: { proxy: null, app } });
  t.equal(plain.status, 200);
  t.equal(plain.release.app, 'erp');
  t.ok(plain.release.session, 'a ticket, since there was a credential');
  const aimed = await ask(keyserver, { ...wanted, credential: { proxy: null, app, target } });
  t.equal(aimed.status, 200);
  const elsewhere = { method: 'GET', url: 'https://evil.example/' };
  t.match(
    refusal(
      await ask(keyserver, { ...wanted, credential: { proxy: null, app, target: elsewhere } }),
    ),
    { code: 'destination_denied' },
  );
});

t.test('a direct app gets no token whose use is limited', async (t) => {
  const { keyserver } = await startScene(t);
  const app = await keyserver.putApp('erp', {
    direct: true,
    grants: [
      { client: '*', type: '*', methods: ['GET'] },
      { client: 'shop-1', type: '*', paths: ['/v1/*'] },
    ],
  });
  for (const credential of [
    { proxy: null, app },
    { proxy: null, app, target: { method: 'GET', url: 'https://api.example/v1/x' } },
  ]) {
    const expected = { status: 403, code: 'grant_denied', reason: 'direct_limited' };
    t.same(refusal(await ask(keyserver, { ...wanted, credential })), expected);
  }
});

t.test('through a proxy, no app key means anonymous, direct or not', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const credential = { proxy, app: null, target };
  const expected = { status: 401, code: 'caller_unauthenticated', reason: 'app_unknown' };
  t.same(refusal(await ask(keyserver, { ...wanted, credential })), expected);
  const nobody = { proxy: null, app: null, target };
  t.same(refusal(await ask(keyserver, { ...wanted, credential: nobody })), expected);
  await keyserver.putApp('anonymous', { key: null });
  const { release, status } = await ask(keyserver, { ...wanted, credential });
  t.equal(status, 200);
  t.equal(release.app, 'anonymous');
});

t.test('refuses unknown callers by what is unknown', async (t) => {
  const { keyserver, app, proxy } = await startScene(t);
  await keyserver.putApp('anonymous', { key: null, direct: true });
  const flipped = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  const proxyUnknown = { status: 401, code: 'caller_unauthenticated', reason: 'proxy_unknown' };
  const appUnknown = { ...proxyUnknown, reason: 'app_unknown' };
  const cases: [string, object, object][] = [
    ['another proxy key', { proxy: makeCallerKey('spx_'), app, target }, proxyUnknown],
    ['a mistyped proxy key', { proxy: flipped(proxy), app, target }, proxyUnknown],
    ['an app key for the proxy', { proxy: app, app, target }, proxyUnknown],
    ['an empty proxy key', { proxy: '', app, target }, proxyUnknown],
    ['a proxy key with a space behind', { proxy: `${proxy} `, app, target }, proxyUnknown],
    ['the id of the proxy', { proxy: 'proxy-1', app, target }, proxyUnknown],
    ['the hash of the proxy key', { proxy: hashOf(proxy), app, target }, proxyUnknown],
    [
      'both unknown',
      { proxy: makeCallerKey('spx_'), app: makeCallerKey('spk_'), target },
      proxyUnknown,
    ],
    ['another app key', { proxy, app: makeCallerKey('spk_'), target }, appUnknown],
    ['a mistyped app key', { proxy, app: flipped(app), target }, appUnknown],
    ['a proxy key for the app', { proxy, app: proxy, target }, appUnknown],
    ['an empty app key, never anonymous', { proxy, app: '', target }, appUnknown],
    ['another app key, directly', { proxy: null, app: makeCallerKey('spk_') }, appUnknown],
  ];
  for (const [title, credential, expected] of cases) {
    t.same(refusal(await ask(keyserver, { ...wanted, credential })), expected, title);
  }

  function hashOf(key: string) {
    return createHash('sha256').update(key).digest('base64url');
  }
});

t.test('refuses an app that is not direct without its proxy', async (t) => {
  const { keyserver, app } = await startScene(t);
  const expected = { status: 403, code: 'grant_denied', reason: 'not_direct' };
  for (const credential of [
    { proxy: null, app },
    { proxy: null, app, target },
  ]) {
    t.same(refusal(await ask(keyserver, { ...wanted, credential })), expected);
  }
});

t.test('a rotated key works until its end, then only the new one', async (t) => {
  const clock = testClock();
  const { keyserver } = await startScene(t, { clock });
  const [oldApp, newApp] = [makeCallerKey('spk_'), makeCallerKey('spk_')];
  const [oldProxy, newProxy] = [makeCallerKey('spx_'), makeCallerKey('spx_')];
  const end = new Date(clock.now() + 30_000).toISOString();
  await keyserver.putDocument('app', 'rotated', {
    keys: [callerKey(oldApp, end), callerKey(newApp)],
    grants: everything,
  });
  await keyserver.putDocument('proxy', 'rotated', {
    keys: [callerKey(newProxy), callerKey(oldProxy, end)],
  });
  const asked = async (proxy: string, app: string) =>
    refusal(await ask(keyserver, { ...wanted, credential: { proxy, app, target } }));
  clock.advance(29_999);
  t.match(await asked(oldProxy, oldApp), { status: 200 });
  clock.advance(1);
  t.match(await asked(oldProxy, newApp), { status: 401, reason: 'proxy_unknown' });
  t.match(await asked(newProxy, oldApp), { status: 401, reason: 'app_unknown' });
  t.match(await asked(newProxy, newApp), { status: 200 });
});

t.test('a release is kept no longer than the keys that it was asked with', async (t) => {
  const clock = testClock();
  const { keyserver } = await startScene(t, { clock });
  const keys = { app: makeCallerKey('spk_'), proxy: makeCallerKey('spx_') };
  const end = (seconds?: number) =>
    seconds === undefined ? undefined : new Date(clock.now() + seconds * 1000 + 999).toISOString();
  for (const [app, proxy, kept] of [
    [undefined, undefined, 60],
    [30, undefined, 30],
    [undefined, 20, 20],
    [30, 20, 20],
    [90, 90, 60],
    [0, undefined, 0],
  ] as const) {
    await keyserver.putDocument('app', 'ending', {
      keys: [callerKey(keys.app, end(app))],
      grants: everything,
    });
    await keyserver.putDocument('proxy', 'ending', { keys: [callerKey(keys.proxy, end(proxy))] });
    const { release } = await ask(keyserver, { ...wanted, credential: { ...keys, target } });
    t.equal(release.cacheSeconds, kept, JSON.stringify([app, proxy]));
  }
});

t.test('the release says how old what KeyServer knows is', async (t) => {
  const clock = testClock();
  const { keyserver, ask } = await startScene(t, { clock, pollClock: clock });
  t.equal((await ask()).release.ageMs, 0);
  clock.advance(3_210.5);
  t.equal((await ask()).release.ageMs, 3_211);
  await keyserver.refresh();
  t.equal((await ask()).release.ageMs, 0, 'also where nothing had changed');
});

t.test('releases nothing while it cannot see whether its documents changed', async (t) => {
  const clock = testClock();
  const { keyserver, ask } = await startScene(t, { clock, pollClock: clock });
  clock.advance(4_999);
  t.equal((await ask()).status, 200);
  clock.advance(1);
  const expected = { status: 503, code: 'keyserver_unavailable', reason: 'documents_unread' };
  t.same(refusal(await ask()), expected, 'though the token can be read');
  await keyserver.refresh();
  t.equal((await ask()).status, 200);
});

t.test('a key whose end does not parse has ended', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const app = makeCallerKey('spk_');
  await keyserver.putDocument('app', 'odd', {
    keys: [callerKey(app, 'never')],
    grants: everything,
  });
  t.match(refusal(await ask(keyserver, { ...wanted, credential: { proxy, app, target } })), {
    status: 401,
  });
});

t.test('refuses a credential of another form', async (t) => {
  const { ask, credential, proxy, app } = await startScene(t);
  const cases: [string, object | string][] = [
    ['a proxy without a target', { proxy, app }],
    ['a target and the probe', { ...credential, probe: true }],
    ['no proxy member', { app, target }],
    ['no app member', { proxy, target }],
    ['an unknown member', { ...credential, admin: true }],
    ['an unknown member of the target', { proxy, app, target: { ...target, host: 'x' } }],
    ['a text for explain', { ...credential, explain: 'true' }],
    ['a number for a key', { proxy, app: 1, target }],
    ['a list for a key', { proxy, app: [app], target }],
    ['a method that is none', { proxy, app, target: { ...target, method: 'CONNECT' } }],
    ['a method in lower case', { proxy, app, target: { ...target, method: 'post' } }],
    ['no URL', { proxy, app, target: { method: 'GET' } }],
    ['a list', [credential]],
    ['null', 'null'],
    ['no JSON', `{"proxy": "${proxy}"`],
    ['nothing', ''],
  ];
  for (const [title, changed] of cases) {
    const { answer, ...refused } = await ask({ credential: changed });
    const expected = { status: 400, code: 'request_invalid', reason: 'credential' };
    t.same(refusal({ answer, ...refused }), expected, title);
    t.notOk(answer.text.includes('sp'), `${title}: quotes no key`);
  }
});
